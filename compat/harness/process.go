package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a running server. A nil process has never been started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed at its end
}

// spawnOn starts commands on one thread that never ends: the kernel kills the children of a thread that ends, which is
// how no server outlives a test binary that is killed.
var spawnOn = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

// spawn starts argv, its output appended to the file at log.
func spawn(argv []string, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := launch(p.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is read from ProcessState
		close(p.done)
	}()
	return p, nil
}

// launch starts a command that ends with this process at the latest.
func launch(cmd *exec.Cmd) error {
	cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	spawnOn() <- func() { started <- cmd.Start() }
	return <-started
}

func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// code is the exit code of an ended process; -1 if a signal ended it or it was never started.
func (p *process) code() int {
	if p == nil {
		return -1
	}
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// kill ends the process at once and waits for its end.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // fails only if it has ended
	<-p.done
}

// terminate sends SIGTERM and waits at most max for the end; then it kills.
func (p *process) terminate(max time.Duration) (code int, err error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return -1, err
	}
	select {
	case <-p.done:
		return p.code(), nil
	case <-time.After(max):
		// A stuck Go process tells on SIGQUIT where.
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		time.Sleep(500 * time.Millisecond)
		p.kill()
		return p.code(), fmt.Errorf("still running %v after SIGTERM", max)
	}
}
