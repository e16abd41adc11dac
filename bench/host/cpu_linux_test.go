package host

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// The CPU of another process counts finer than the ticks of 10 ms that /proc/PID/stat counts, and with it that of threads that
// have ended: each of this one's ends after a moment.
func TestUsageCountsEndedThreads(t *testing.T) {
	if os.Getenv(burnMark) != "" {
		burnInThreads()
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), burnMark+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has burned
		t.Fatal(err)
	}
	u, err := UsageOf(cmd.Process.Pid)
	if err != nil || u.CPU < burnThreads*burnEach || u.CPU%(10*time.Millisecond) == 0 {
		t.Errorf("%v, %v; its threads used %v", u.CPU, err, burnThreads*burnEach)
	}
}

const (
	burnMark    = "MILLRACE_HOST_BURN"
	burnThreads = 40
	burnEach    = 5 * time.Millisecond
)

// burnInThreads computes in one thread after the other, each of which ends, says so, and waits to be killed.
func burnInThreads() {
	for range burnThreads {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			done <- computeFor(burnEach)
		}()
		if err := <-done; err != nil {
			panic(err)
		}
	}
	fmt.Println("burned")
	time.Sleep(time.Minute)
}

// computeFor computes until this thread has used so much CPU.
func computeFor(d time.Duration) error {
	for {
		var u syscall.Rusage
		if err := syscall.Getrusage(rusageThread, &u); err != nil || time.Duration(u.Utime.Nano()+u.Stime.Nano()) > d {
			return err
		}
	}
}

// rusageThread is RUSAGE_THREAD of Linux.
const rusageThread = 1
