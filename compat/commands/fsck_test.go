package commands

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/harness"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/s3test"
	"github.com/millrace-io/millrace/internal/segment"
)

// run runs a command to its end and gives what it printed.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Binary(t), args...)
	var errors bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &errors
	out, _ := cmd.Output() // the exit code tells
	return string(out), errors.String(), cmd.ProcessState.ExitCode()
}

// large is a record that does not ride in the journal, however it is compressed.
func large() string {
	b := make([]byte, 2*log.RideBytesMax)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// filled is a bucket that an agent has made: a topic, records that ride in the journal, and one in a file of its own.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	agent := start(t, append([]string{"agent", "--bucket", "file://" + dir}, "--listen", "127.0.0.1:0", "--http", "off")...)
	waitFor(t, agent, "msg=ready")
	_, at, _ := strings.Cut(agent.stderr.String(), " kafka=")
	at, _, _ = strings.Cut(at, " ")
	for _, step := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"topic", "create", "orders", "--partitions", "2", "--bootstrap", at}},
		{"one\ntwo\nthree\n", []string{"produce", "orders", "--bootstrap", at}},
		{"four\nfive\n", []string{"produce", "orders", "--bootstrap", at}},
		{large() + "\n", []string{"produce", "orders", "--bootstrap", at}},
	} {
		if _, stderr, code := run(t, step.stdin, step.args...); code != 0 {
			t.Fatalf("millrace %v: exit code %d: %s", step.args, code, stderr)
		}
	}
	if stdout, stderr, code := run(t, "", "fsck", "--bucket", "file://"+dir); code != 0 || !strings.Contains(stdout, "no damage") {
		t.Errorf("beside a running agent: exit code %d: %s%s", code, stdout, stderr)
	}
	agent.signal(syscall.SIGTERM)
	if code := agent.end(); code != 0 {
		t.Fatalf("the agent ended with %d: %s", code, agent.stderr.String())
	}
	return dir
}

// put writes an object that is as old as that.
func put(t *testing.T, dir, key string, body []byte, age time.Duration) (path string) {
	t.Helper()
	path = filepath.Join(dir, filepath.FromSlash(key))
	write(t, path, string(body))
	if at := time.Now().Add(-age); os.Chtimes(path, at, at) != nil {
		t.Fatal("the time of a file cannot be set")
	}
	return path
}

func report(t *testing.T, dir string, args ...string) (r fsck.Report, code int) {
	t.Helper()
	stdout, stderr, code := run(t, "", append([]string{"fsck", "--json", "--bucket", "file://" + dir}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	return r, code
}

// A sound bucket; then an orphan, which plain fsck names and a repair deletes, beside an upload that may still be committed.
func TestFsckRepairs(t *testing.T) {
	dir := filled(t)
	if r, code := report(t, dir); code != 0 || r.Records != 6 || r.Partitions != 2 || len(r.Problems) != 0 || r.FilesRead != r.Files || r.Entries == 0 {
		t.Errorf("exit code %d: %+v", code, r)
	}
	w := segment.NewBuilder(0)
	w.Add(base.TopicID{1}, 0, segment.Summed([]byte("a segment whose agent died before its entry")))
	old := put(t, dir, segment.Key(base.FileRef{ID: base.ULID{1}}), w.Finish(), 2*time.Hour)
	young := put(t, dir, segment.Key(base.FileRef{ID: base.ULID{2}}), w.Finish(), 20*time.Minute)
	foreign := put(t, dir, "data/README.txt", []byte("what is this?"), 2*time.Hour)

	stdout, _, code := run(t, "", "fsck", "--bucket", "file://"+dir)
	if code != 0 || !strings.Contains(stdout, "an orphan") || !strings.Contains(stdout, "[--repair deletes it]") || !strings.Contains(stdout, "not an object of Millrace") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	t.Log("\n" + stdout)
	stdout, _, code = run(t, "", "fsck", "--repair", "--bucket", "file://"+dir)
	if code != 0 || !strings.Contains(stdout, "[deleted]") || !strings.Contains(stdout, "deleted 0 entries, 0 snapshots, 0 parts, 1 data files") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	for path, want := range map[string]bool{old: false, young: true, foreign: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %t", path, err == nil)
		}
	}
	if r, code := report(t, dir); code != 0 || r.Records != 6 || r.Uncommitted != 1 || r.Garbage != 0 || r.Notes != 1 {
		t.Errorf("exit code %d: %+v", code, r)
	}
}

// Every way a bucket can be damaged ends with 1 and names the object; a repair leaves all of it.
func TestFsckFindsDamage(t *testing.T) {
	dir := filled(t)
	one := func(t *testing.T, pattern string) string {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		return paths[len(paths)/2]
	}
	for name, tc := range map[string]struct {
		pattern string
		spoil   func(body []byte) []byte // nil: the object goes
	}{
		"flipped bit in a segment":    {"data/*/*", func(b []byte) []byte { b[60] ^= 1; return b }},
		"truncated segment":           {"data/*/*", func(b []byte) []byte { return b[:50] }},
		"missing segment":             {"data/*/*", nil},
		"flipped bit in an entry":     {"journal/*", func(b []byte) []byte { b[60] ^= 1; return b }},
		"missing entry":               {"journal/*", nil},
		"flipped bit in cluster.json": {"cluster.json", func(b []byte) []byte { b[20] ^= 1; return b }},
		"missing cluster.json":        {"cluster.json", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := one(t, tc.pattern)
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer write(t, path, string(good))
			if tc.spoil == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, tc.spoil(append([]byte(nil), good...)), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, flag := range []string{"--json", "--repair"} {
				r, code := report(t, dir, flag)
				key, _ := filepath.Rel(dir, path)
				named := false
				for _, p := range r.Problems {
					named = named || p.Severity == fsck.Damage && p.Key == filepath.ToSlash(key)
				}
				if code != 1 || !named || r.Deleted != (fsck.Deleted{}) {
					t.Errorf("%s: exit code %d: %+v", flag, code, r.Problems)
				}
			}
		})
	}
	if _, code := report(t, dir); code != 0 {
		t.Errorf("mended again: exit code %d", code)
	}
}

// What keeps fsck from saying anything has other exit codes than damage.
func TestFsckThatCannotCheck(t *testing.T) {
	s3 := s3test.Start(t)
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no bucket":           {nil, 2, "--bucket"},
		"an argument":         {[]string{"s3://x/y"}, 2, "only flags"},
		"quick repair":        {[]string{"--bucket", "file://" + t.TempDir(), "--quick", "--repair"}, 2, "leave out --quick"},
		"unknown scheme":      {[]string{"--bucket", "ftp://host/dir"}, 2, "s3://"},
		"no cluster":          {[]string{"--bucket", "file://" + t.TempDir()}, 3, "no cluster"},
		"no cluster, on S3":   {[]string{"--bucket", s3.URL("nothing")}, 3, "no cluster"},
		"no such bucket":      {[]string{"--bucket", strings.Replace(s3.URL("x"), "s3://"+s3test.Bucket, "s3://no-such-bucket", 1)}, 3, "no-such-bucket"},
		"not to be reached":   {[]string{"--bucket", "file:///dev/null/x"}, 3, "/dev/null"},
		"repair of no bucket": {[]string{"--repair", "--bucket", "file://" + t.TempDir()}, 3, "no cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, code := run(t, "", append([]string{"fsck"}, tc.args...)...)
			if code != tc.code || !strings.Contains(stderr, tc.says) {
				t.Errorf("exit code %d, want %d; it said %q, which should hold %q", code, tc.code, stderr, tc.says)
			}
		})
	}
}
