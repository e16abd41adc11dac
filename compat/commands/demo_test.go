package commands

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// flowing is a line of the demo in which records come in and go out.
func (c *command) flowing() {
	c.t.Helper()
	c.until("in/s")
	for c.lines.Scan() {
		var in, out float64
		if _, err := fmt.Sscan(c.lines.Text(), &in, &out); err == nil && in > 0 && out > 0 {
			return
		}
	}
	c.t.Fatalf("no records flow: %s", c.stderr.String())
}

// flowMax is the promise for a machine that does nothing else (2 s) and some air for tests that run beside.
const flowMax = 6 * time.Second

func TestDemo(t *testing.T) {
	c := start(t, "demo")
	banner := c.until("Kafka at")
	if !strings.Contains(banner, "http://") {
		t.Errorf("no web address: %s", banner)
	}
	c.flowing()
	took := time.Since(c.began)
	t.Logf("records flow after %v", took)
	if took > flowMax {
		t.Errorf("records flow after %v, want %v", took, flowMax)
	}
	c.signal(syscall.SIGINT)
	if code := c.end(); code != 0 {
		t.Errorf("Ctrl-C: exit code %d: %s", code, c.stderr.String())
	}
	c.leavesNothing()
}

// millrace demo | head -3
func TestDemoThatNobodyReadsEnds(t *testing.T) {
	c := start(t, "demo")
	c.until("in/s")
	c.out.Close()
	if code := c.end(); code != 0 {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
	c.leavesNothing()
}

func TestDemoEndsAtOnceOnASecondSignal(t *testing.T) {
	c := start(t, "demo")
	c.flowing()
	c.signal(syscall.SIGTERM)
	time.Sleep(50 * time.Millisecond) // two within 20 ms are one
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	c.end()
	c.leavesNothing()
}
