package harness

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
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

// stateOf gives the state of a process: R, S, T (stopped) …
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	return after[:1]
}

func TestAgentsPauseAndCrash(t *testing.T) {
	c := Start(t, Options{Agents: 2})
	c.Pause(1)
	for end := time.Now().Add(5 * time.Second); stateOf(t, c.PID(1)) != "T"; time.Sleep(time.Millisecond) { // a signal takes a moment
		if time.Now().After(end) {
			t.Fatalf("a paused agent is in state %s", stateOf(t, c.PID(1)))
		}
	}
	c.Resume(1)
	c.MustServe()
	before := []int{c.PID(0), c.PID(1)}
	c.Pause(0) // a stopped process can be killed too
	c.CrashAll()
	c.MustServe()
	if c.PID(0) == before[0] || c.PID(1) == before[1] {
		t.Error("crashed, and yet the same processes")
	}
}

// An agent may have a bucket URL and a binary of its own, such as that of an earlier release.
func TestAgentsOfTheirOwn(t *testing.T) {
	raw, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := os.WriteFile(old, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	logs := t.TempDir()
	c := Start(t, Options{Agents: 2, Logs: logs, Own: func(i int) Own {
		return []Own{{Bucket: "mem://0", Binary: old}, {Bucket: "mem://1"}}[i]
	}})
	c.MustServe()
	for i, want := range []Own{{"mem://0", old}, {"mem://1", Binary(t)}} {
		if n := c.nodes[i]; n.argv[0] != want.Binary || !slices.Contains(n.argv, want.Bucket) || filepath.Dir(n.log) != logs {
			t.Errorf("agent %d is %q, logs to %s; want %+v and %s", i, n.argv, n.log, want, logs)
		}
	}
}

// A client works until its input ends, and what it prints comes while it does.
func TestClient(t *testing.T) {
	lines := make(chan string, 10)
	read := func(r io.Reader) error {
		for in := bufio.NewScanner(r); in.Scan(); {
			lines <- in.Text()
		}
		return nil
	}
	c := startClient(t, read, "cat", []string{"cat"})
	if err := c.Say("hello"); err != nil {
		t.Fatal(err)
	}
	if got := <-lines; got != "hello" {
		t.Errorf("read %q", got)
	}
	if err := c.End(time.Minute); err != nil {
		t.Error(err)
	}
}

func TestClientsThatEndBadly(t *testing.T) {
	none := func(r io.Reader) error { return nil }
	for want, c := range map[string]*Client{
		"had to be killed":                  startClient(t, none, "deaf", []string{"sleep", "60"}),
		"ended badly: exit status 3\nwhy\n": startClient(t, none, "bad", []string{"sh", "-c", "cat; echo why >&2; exit 3"}),
		"reading what odd wrote: odd":       startClient(t, func(io.Reader) error { return errors.New("odd") }, "odd", []string{"cat"}),
	} {
		if err := c.End(time.Second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
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

func TestPortsAreThisProcessesAlone(t *testing.T) {
	seen := map[string]bool{}
	for range 10 {
		ports, err := freePorts(6)
		if err != nil || len(ports) != 6 {
			t.Fatalf("%v, %v", ports, err)
		}
		for _, p := range ports {
			if seen[p] {
				t.Errorf("port %s is given out twice while others are free", p)
			}
			seen[p] = true
		}
	}
	b, err := block()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenLocal(b.first); err == nil {
		t.Error("another process would take the same block")
	}
}
