package open_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/open"
)

func mustOpen(t *testing.T, rawURL string) objstore.Store {
	t.Helper()
	s, err := open.Open(t.Context(), env.Real(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sees reports whether what is written to one store shows in the other.
func sees(t *testing.T, reader, writer objstore.Store) bool {
	t.Helper()
	if _, err := writer.Put(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	_, err := reader.Head(t.Context(), "k")
	return err == nil
}

func TestMemoryIsSharedByName(t *testing.T) {
	a := mustOpen(t, "mem://shared-by-name")
	if !sees(t, mustOpen(t, "mem://shared-by-name/"), a) {
		t.Error("two stores of one name must be one")
	}
	if sees(t, mustOpen(t, "mem://another"), a) || sees(t, mustOpen(t, "mem://"), mustOpen(t, "mem://")) {
		t.Error("stores of different names, or of none, must be different ones")
	}
	if got := a.Info().URL; got != "mem://shared-by-name" {
		t.Errorf("URL = %q", got)
	}
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "as needed")
	a := mustOpen(t, "file://"+strings.ReplaceAll(dir, " ", "%20"))
	if !sees(t, mustOpen(t, "file://"+dir+"?fsync=off"), a) {
		t.Error("two stores on one directory must be one")
	}
	if got := mustOpen(t, "file://"+dir+"?fsync=off").Info().URL; !strings.HasSuffix(got, "?fsync=off") {
		t.Errorf("URL = %q, want fsync to be off", got)
	}
	if got := a.Info().URL; strings.Contains(got, "fsync") {
		t.Errorf("URL = %q, want fsync to be on", got)
	}
}

func TestS3NeedsNoServerToOpen(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	want := "s3://bucket/prefix?endpoint=http%3A%2F%2F127.0.0.1%3A1&region=us-east-1"
	if got := mustOpen(t, "s3://bucket/prefix?endpoint=http://127.0.0.1:1").Info().URL; got != want {
		t.Errorf("URL = %q, want %q", got, want)
	}
}

func TestAnyBucketMayBeSlow(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	dir := t.TempDir()
	for rawURL, want := range map[string]string{
		"mem://slow?latency=gcs":                                       "mem://slow?latency=gcs",
		"mem://?latency=s3-express":                                    "mem://?latency=s3-express",
		"file://" + dir + "?latency=s3-standard":                       "file://" + dir + "?latency=s3-standard",
		"file://" + dir + "?latency=s3-standard&fsync=off":             "file://" + dir + "?fsync=off&latency=s3-standard",
		"s3://bkt/p?latency=gcs&endpoint=http://127.0.0.1:1&region=eu": "s3://bkt/p?endpoint=http%3A%2F%2F127.0.0.1%3A1&region=eu&latency=gcs",
	} {
		info := mustOpen(t, rawURL).Info()
		if info.URL != want || info.Latency == "" {
			t.Errorf("Open(%q).Info() = %+v, want the URL %q and a latency", rawURL, info, want)
		}
	}
	if slow := mustOpen(t, "mem://slow").Info().Latency; slow != "" {
		t.Errorf("a bucket without the option is slowed down like %s", slow)
	}
	if !sees(t, mustOpen(t, "mem://slow?latency=s3-express"), mustOpen(t, "mem://slow")) {
		t.Error("a slow store must be the one of that name")
	}
}

func TestABadURLIsRefusedInOneLineThatSaysWhatToDo(t *testing.T) {
	for rawURL, says := range map[string]string{
		"":                           "write s3://",
		"/var/lib/millrace":          "write s3://",
		"ftp://host/dir":             `no scheme "ftp"`,
		"s3://\x7f":                  "write s3://",
		"s3:///prefix":               "s3://BUCKET/PREFIX",
		"s3://b/?color=red":          `no option "color"`,
		"file://relative/dir":        "three slashes",
		"file:relative":              "three slashes",
		"file:///dir?fsync=maybe":    "fsync=on or off",
		"file:///dir?color=red":      "fsync=on or off",
		"file:///dev/null/directory": "/dev/null",
		"mem://name/with/path":       "mem://NAME",
		"mem://name?x=y":             "mem://NAME",
		"mem://name?latency=slow":    "gcs, s3-express, s3-standard",
		"mem://n?latency=":           "gcs, s3-express, s3-standard",
		"file:///dir?latency=gcs&x=": "fsync=on or off",
	} {
		s, err := open.Open(t.Context(), env.Real(), rawURL)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") || s != nil {
			t.Errorf("Open(%q) = %v, %v; want no store and one line with %q", rawURL, s, err, says)
		}
		var wrong *open.URLError
		if isURL := errors.As(err, &wrong); isURL != (says != "/dev/null") {
			t.Errorf("Open(%q) = %v: a mistake in the URL: %v; only a folder that cannot be made is none", rawURL, err, isURL)
		}
	}
}

func TestNoSecretInAnError(t *testing.T) {
	for _, rawURL := range []string{"s3://key:TOPSECRET@bucket/", "s3://key:TOPSECRET@bucket/%zz", "mem://u:TOPSECRET@x"} {
		if _, err := open.Open(t.Context(), env.Real(), rawURL); err == nil || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("Open = %v, want an error without the secret", err)
		}
	}
}
