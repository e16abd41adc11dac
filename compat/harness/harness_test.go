package harness

import (
	"flag"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test binary an agent when it is started as one: it listens, is ready, and ends on SIGTERM.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		fakeAgent(os.Args[2:])
		return
	}
	os.Setenv("MILLRACE_BIN", os.Args[0])
	os.Setenv("MILLRACE_COMPAT_TARGET", "")
	Main(m)
}

func fakeAgent(args []string) {
	f := flag.NewFlagSet("agent", flag.ExitOnError)
	listen, web, exit := f.String("listen", "", ""), f.String("http", "", ""), f.Int("exit", 0, "")
	f.String("bucket", "", "")
	f.String("advertise", "", "")
	_ = f.Parse(args) // ExitOnError
	if _, err := net.Listen("tcp", *listen); err != nil {
		panic(err)
	}
	go http.ListenAndServe(*web, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		os.Stderr.WriteString("asked for " + r.URL.Path + "\n")
	}))
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	os.Exit(*exit)
}

func TestAgentsComeAndGo(t *testing.T) {
	c := Start(t, Options{Agents: 2})
	c.MustServe()
	if c.Len() != 2 || c.Bootstrap() != c.Addr(0)+","+c.Addr(1) {
		t.Fatalf("bootstrap %s of %d agents", c.Bootstrap(), c.Len())
	}
	pid := c.PID(0)
	c.Kill9(0)
	if _, err := net.DialTimeout("tcp", c.Addr(0), time.Second); err == nil {
		t.Error("a killed agent still listens")
	}
	c.Restart(0)
	if c.PID(0) == pid {
		t.Error("restarted and yet the same process")
	}
	c.RestartAll()
	c.MustServe()
	if logs := c.logs(nil); !strings.Contains(logs, "asked for /readyz") {
		t.Errorf("logs:\n%s", logs)
	}
}

// recorder is a test that notes its failure instead of failing.
type recorder struct {
	testing.TB
	failed []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed = append(r.failed, format)
}

func TestBadEndAfterSIGTERMFails(t *testing.T) {
	c := Start(t, Options{Agents: 1, Flags: []string{"--exit=3"}})
	r := &recorder{TB: t}
	c.tb = r
	c.Term(0)
	if len(r.failed) != 1 {
		t.Errorf("an agent that ends with 3 after SIGTERM: %d failures, want 1", len(r.failed))
	}
}

func TestAgentThatDoesNotStartIsAnError(t *testing.T) {
	dir := t.TempDir()
	c, stop, err := start(t, dir, Options{Agents: 1, Flags: []string{"--no-such-flag"}})
	defer stop()
	if err == nil || !strings.Contains(err.Error(), "exit code 2") || !strings.Contains(c.logs(nil), "no-such-flag") {
		t.Errorf("error %v, want the exit code, and the reason in the log", err)
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	path := t.TempDir() + "/log"
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		skip  int64
		lines int
		want  string
	}{{0, 2, "two\nthree\n"}, {0, 9, "one\ntwo\nthree\n"}, {8, 9, "three\n"}, {14, 9, ""}, {99, 1, "three\n"}} {
		if got := tail(path, tc.skip, tc.lines); !strings.HasSuffix(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("tail from %d, %d lines: %q, want %q", tc.skip, tc.lines, got, tc.want)
		}
	}
}

func TestSharedAgentsOutliveATest(t *testing.T) {
	var first string
	t.Run("one", func(t *testing.T) {
		c := Shared(t, Options{Agents: 1, Store: "s3"})
		c.MustServe()
		first = c.Addr(0)
	})
	t.Run("two", func(t *testing.T) {
		c := Shared(t, Options{Agents: 1, Store: "s3"})
		c.MustServe()
		if c.Addr(0) != first {
			t.Errorf("agent at %s, want the one at %s", c.Addr(0), first)
		}
	})
}
