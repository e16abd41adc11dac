package commands

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// endMax is how long a command may take from the wish that it ends to its end.
const endMax = 15 * time.Second

// sayMax is how long a command may take to say what a test waits for.
const sayMax = 60 * time.Second

// command is a running millrace.
type command struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    io.ReadCloser
	lines  *bufio.Scanner
	stderr buffer
	began  time.Time
	tmp    string // its TMPDIR
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs millrace with arguments in an environment of its own.
func start(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{t: t, cmd: exec.Command(harness.Binary(t), args...), tmp: t.TempDir()}
	c.cmd.Env = append(os.Environ(), "TMPDIR="+c.tmp, "DISPLAY=", "WAYLAND_DISPLAY=")
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out, c.lines, c.began = out, bufio.NewScanner(out), time.Now()
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// until reads lines until one holds the text, and returns it.
func (c *command) until(text string) string {
	c.t.Helper()
	late := time.AfterFunc(sayMax, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	for c.lines.Scan() {
		if strings.Contains(c.lines.Text(), text) {
			return c.lines.Text()
		}
	}
	c.t.Fatalf("millrace %v ended without printing %q; it said: %s", c.cmd.Args[1:], text, c.stderr.String())
	return ""
}

func (c *command) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// end waits for the end and returns the exit code.
func (c *command) end() int {
	c.t.Helper()
	late := time.AfterFunc(endMax, func() { _ = c.cmd.Process.Signal(syscall.SIGQUIT) })
	for c.lines.Scan() { // Wait closes the pipe: read it first
	}
	_ = c.cmd.Wait() // the exit code tells
	if !late.Stop() {
		c.t.Fatalf("millrace %v did not end in %v:\n%s", c.cmd.Args[1:], endMax, c.stderr.String())
	}
	return c.cmd.ProcessState.ExitCode()
}

// leavesNothing fails the test if the command left anything in its temporary folder.
func (c *command) leavesNothing() {
	c.t.Helper()
	left, err := os.ReadDir(c.tmp)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range left {
		c.t.Errorf("left behind: %s", e.Name())
	}
}

// waitFor waits until the command has said a text on stderr.
func waitFor(t *testing.T, c *command, text string) {
	t.Helper()
	for end := time.Now().Add(endMax); !strings.Contains(c.stderr.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("millrace %v never said %q; it said: %s", c.cmd.Args[1:], text, c.stderr.String())
		}
	}
}
