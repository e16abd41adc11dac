package commands

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

// local are the flags of an agent that must not collide with another.
var local = []string{"--listen", "127.0.0.1:0", "--http", "off", "--log-level", "warn"}

// The playground says how another agent joins; it does.
func TestPlaygroundInvites(t *testing.T) {
	bucket := "file://" + t.TempDir()
	c := start(t, append([]string{"playground", "--bucket", bucket}, local...)...)
	if line := c.until("bootstrap.servers="); !strings.Contains(line, "127.0.0.1:") && !strings.Contains(line, "localhost:") {
		t.Errorf("bootstrap: %s", line)
	}
	join := strings.Fields(c.until("millrace agent --bucket"))
	if got := strings.Trim(join[3], "'"); got != bucket {
		t.Errorf("the second agent would join %s, want %s", got, bucket)
	}
	second := start(t, append([]string{"agent", "--bucket", bucket}, "--listen", "127.0.0.1:0", "--http", "off")...)
	waitFor(t, second, "msg=ready")
	second.signal(syscall.SIGTERM)
	if code := second.end(); code != 0 {
		t.Errorf("SIGTERM: exit code %d: %s", code, second.stderr.String())
	}
	c.signal(syscall.SIGINT)
	if code := c.end(); code != 0 {
		t.Errorf("Ctrl-C: exit code %d: %s", code, c.stderr.String())
	}
}

// A bucket in memory is nobody else's: nothing is said of joining it.
func TestPlaygroundInMemoryInvitesNobody(t *testing.T) {
	c := start(t, append([]string{"playground", "--bucket", "mem://"}, local...)...)
	c.until("no other agent can join it")
	c.signal(syscall.SIGINT)
	for c.lines.Scan() {
		if strings.Contains(c.lines.Text(), "joins the same bucket") {
			t.Errorf("it says %q", c.lines.Text())
		}
	}
	if code := c.end(); code != 0 {
		t.Errorf("Ctrl-C: exit code %d: %s", code, c.stderr.String())
	}
}

// A bucket that is slow on purpose is called so, and stays so for the agent that joins.
func TestArtificialLatencyIsAnnounced(t *testing.T) {
	bucket := "file://" + t.TempDir() + "?fsync=off&latency=s3-express"
	c := start(t, append([]string{"playground", "--bucket", bucket}, local...)...)
	if line := c.until("bucket  "); !strings.Contains(line, bucket) {
		t.Errorf("the bucket is shown as %q, want %s", line, bucket)
	}
	if join := c.until("millrace agent --bucket"); !strings.Contains(join, "'"+bucket+"'") {
		t.Errorf("the second agent would join with %q, want %s", join, bucket)
	}
	waitFor(t, c, "ARTIFICIAL LATENCY IS ON")
	c.signal(syscall.SIGINT)
	if code := c.end(); code != 0 {
		t.Errorf("Ctrl-C: exit code %d: %s", code, c.stderr.String())
	}
}

// What keeps an agent from starting is one line on stderr that says what to do, and an exit code.
func TestAgentsThatCannotStart(t *testing.T) {
	s3 := s3test.Start(t)
	foreign := t.TempDir()
	write(t, filepath.Join(foreign, "cluster.json"), "not a cluster\n")
	orphaned := t.TempDir()
	write(t, filepath.Join(orphaned, "journal", "00000000000000000001"), "an entry of nobody")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no bucket":          {nil, 2, "--bucket is missing"},
		"unknown scheme":     {[]string{"--bucket", "ftp://host/dir"}, 2, "s3://"},
		"bad number":         {[]string{"--bucket", "mem://", "--batch-timeout", "9s"}, 2, "batch-timeout"},
		"no port":            {[]string{"--bucket", "mem://", "--listen", "9092"}, 2, "--listen"},
		"promised security":  {[]string{"--bucket", "mem://", "--kafka", "authorizer.class.name=org.example.Authorizer"}, 2, "authorisation"},
		"unknown role":       {[]string{"--bucket", "mem://", "--roles", "king"}, 2, "king"},
		"missing S3 bucket":  {[]string{"--bucket", strings.Replace(s3.URL("x"), "s3://"+s3test.Bucket, "s3://no-such-bucket", 1)}, 1, "no-such-bucket"},
		"foreign cluster":    {[]string{"--bucket", "file://" + foreign}, 1, "cluster.json"},
		"journal of nobody":  {[]string{"--bucket", "file://" + orphaned}, 1, "cluster.json"},
		"unusable directory": {[]string{"--bucket", "file:///dev/null/x"}, 1, "/dev/null"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, append(append([]string{"agent"}, local...), tc.args...)...)
			if code := c.end(); code != tc.code || !strings.Contains(c.stderr.String(), tc.says) {
				t.Errorf("exit code %d, want %d; it said %q, which should hold %q", code, tc.code, c.stderr.String(), tc.says)
			}
			t.Log(c.stderr.String())
		})
	}
}

// A store that cannot be reached may come back: the agent says so, tries on, and ends when asked to.
func TestAgentWaitsForItsStore(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "something")
	c := start(t, append([]string{"agent", "--bucket", "s3://bucket/p?endpoint=http%3A%2F%2F127.0.0.1%3A1&region=us-east-1"}, local...)...)
	waitFor(t, c, "trying again")
	c.signal(syscall.SIGTERM)
	if code := c.end(); code != 1 || !strings.Contains(c.stderr.String(), "127.0.0.1:1") {
		t.Errorf("exit code %d; it said: %s", code, c.stderr.String())
	}
}

func TestAgentWithWrongCredentials(t *testing.T) {
	s3 := s3test.Start(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	c := start(t, append([]string{"agent", "--bucket", s3.URL("x")}, local...)...)
	if code := c.end(); code != 1 || !strings.Contains(c.stderr.String(), "credentials") {
		t.Errorf("exit code %d; it said: %s", code, c.stderr.String())
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
