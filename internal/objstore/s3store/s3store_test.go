package s3store_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/probe"
	"github.com/millrace-io/millrace/internal/objstore/s3store"
	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

func open(t testing.TB, rawURL string) *s3store.Store {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	config, err := s3store.ConfigFromURL(u, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3store.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := s3test.Start(t)
	var n atomic.Int64
	conformance.Run(t, func(t *testing.T) objstore.Store {
		return open(t, server.URL(fmt.Sprintf("some/prefix-%d", n.Add(1))))
	})
}

func TestTwoServersOnOneBucket(t *testing.T) {
	server := s3test.Start(t)
	stores := []objstore.Store{open(t, server.URL("")), open(t, server.Another(t).URL(""))}
	if err := conformance.Compete(t.Context(), stores, 4, 25); err != nil {
		t.Fatal(err)
	}
}

func TestMistakesOfAPersonAreFatalAndSayWhatToDo(t *testing.T) {
	server := s3test.Start(t)
	good := server.URL("")
	for _, c := range []struct {
		name, url, env, says string
	}{
		{name: "missing bucket", url: strings.Replace(good, s3test.Bucket, "another-bucket", 1), says: "create the bucket"},
		{name: "wrong secret", url: good, env: "AWS_SECRET_ACCESS_KEY", says: "check the credentials"},
		{name: "wrong key", url: good, env: "AWS_ACCESS_KEY_ID", says: "check the credentials"},
		{name: "wrong region", url: strings.Replace(good, "us-east-1", "mars-north-1", 1), says: "set region="},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv(c.env, "wrong")
			}
			s := open(t, c.url)
			_, createErr := s.PutIfAbsent(t.Context(), "k", []byte("x"))
			_, putErr := s.Put(t.Context(), "k", []byte("x"))
			_, listErr := s.List(t.Context(), "", "", 1)
			for _, err := range []error{createErr, putErr, listErr} {
				if !objstore.Is(err, objstore.Fatal) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error = %v, want kind %q and %q", err, objstore.Fatal, c.says)
				}
			}
		})
	}
}

func TestAStoppedServer(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, server.URL(""))
	if _, err := s.Put(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	// Nobody is there to accept a connection: nothing was sent, so nothing can come of it later.
	s = open(t, server.URL(""))
	if _, err := s.PutIfAbsent(t.Context(), "k2", nil); objstore.KindOf(err) != objstore.Other {
		t.Errorf("PutIfAbsent = %v, want kind %q", err, objstore.Other)
	}
	if _, err := s.GetRange(t.Context(), "k", 0, -1); objstore.KindOf(err) != objstore.Other {
		t.Errorf("GetRange = %v, want kind %q", err, objstore.Other)
	}
}

func TestTheProbePasses(t *testing.T) {
	s := open(t, s3test.Start(t).URL("cluster"))
	if err := probe.Run(t.Context(), env.Real(), s, "nonce"); err != nil {
		t.Fatal(err)
	}
	if page, err := s.List(t.Context(), "", "", 10); err != nil || len(page.Entries) != 0 {
		t.Errorf("left behind: %v, %v", page.Entries, err)
	}
}

func TestNoCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	// A metadata service that knows no role.
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/none")
	_, err := s3store.New(t.Context(), s3store.Config{Bucket: "bucket", Endpoint: "http://127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "set AWS_ACCESS_KEY_ID") {
		t.Errorf("New = %v, want an error that says how to give credentials", err)
	}
}

// BenchmarkPutIfAbsent and BenchmarkGetRange measure the driver and the test server together, on one machine.
func BenchmarkPutIfAbsent(b *testing.B) {
	s, body := open(b, s3test.Start(b).URL("")), make([]byte, 64<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.PutIfAbsent(b.Context(), fmt.Sprintf("journal/%020d", i), body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetRange(b *testing.B) {
	s := open(b, s3test.Start(b).URL(""))
	if _, err := s.Put(b.Context(), "data", make([]byte, 4<<20)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(64 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.GetRange(b.Context(), "data", 1<<20, 64<<10); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	s := open(b, s3test.Start(b).URL(""))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.List(b.Context(), "journal/", "journal/5", 1000); err != nil {
			b.Fatal(err)
		}
	}
}
