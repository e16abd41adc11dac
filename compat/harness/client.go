package harness

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Client is a client process at work. It does what it was started for until its input ends.
type Client struct {
	name   string
	cmd    *exec.Cmd
	input  io.WriteCloser
	read   chan error // what became of reading its output, once that has ended
	stderr lockedBuffer
}

// StartJava starts a main class of tools/java; read is given its output, and must read it to its end.
func StartJava(tb testing.TB, read func(io.Reader) error, mainClass string, args ...string) *Client {
	tb.Helper()
	needClient(tb, "kafka")
	return startClient(tb, read, mainClass, javaArgv(mainClass, args...))
}

// StartPython starts a script of tools/python; read is given its output, and must read it to its end.
func StartPython(tb testing.TB, read func(io.Reader) error, script string, args ...string) *Client {
	tb.Helper()
	needClient(tb, "python")
	return startClient(tb, read, script, pythonArgv(script, args...))
}

func startClient(tb testing.TB, read func(io.Reader) error, name string, argv []string) *Client {
	tb.Helper()
	c := &Client{name: name, cmd: exec.Command(argv[0], argv[1:]...), read: make(chan error, 1)}
	c.cmd.Stderr = &c.stderr
	output, err := c.cmd.StdoutPipe()
	if err == nil {
		c.input, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = launch(c.cmd)
	}
	if err != nil {
		tb.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		err := read(output)
		_, _ = io.Copy(io.Discard, output) // so that it can end also if read gave up
		c.read <- err
	}()
	tb.Cleanup(func() {
		_ = c.cmd.Process.Kill() // fails only if it has ended
		if tb.Failed() && c.stderr.String() != "" {
			tb.Logf("--- %s wrote to its standard error\n%s", name, tailOf(c.stderr.String(), logLines))
		}
	})
	return c
}

// Say writes a line to the client's input.
func (c *Client) Say(line string) error {
	_, err := io.WriteString(c.input, line+"\n")
	return err
}

// End ends the client's input and waits for the client's end. One that takes longer than max is killed.
func (c *Client) End(max time.Duration) error {
	_ = c.input.Close() // fails only if it has ended
	late := time.AfterFunc(max, func() { _ = c.cmd.Process.Kill() })
	readErr := <-c.read
	err := c.cmd.Wait()
	switch {
	case !late.Stop():
		return fmt.Errorf("%s had to be killed %v after it was asked to end", c.name, max)
	case err != nil:
		return fmt.Errorf("%s ended badly: %w\n%s", c.name, err, tailOf(c.stderr.String(), logLines))
	case readErr != nil:
		return fmt.Errorf("reading what %s wrote: %w", c.name, readErr)
	}
	return nil
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
