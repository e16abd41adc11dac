package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/millrace-io/millrace/bench/host"
)

// server is one that is measured.
type server struct {
	kafka string // where clients connect
	http  string // of an agent's profiles; "" for a broker
	argv  []string
	log   string

	began time.Time
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts the server, and does not wait until it serves.
func (s *server) start(cores string) error {
	argv := s.argv
	if cores != "" {
		argv = host.On(cores, argv)
	}
	out, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.began, s.ended = time.Now(), make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // however it ended
		close(s.ended)
	}()
	return nil
}

// kill ends the server at once. It may be called again.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // fails only if it has ended
	<-s.ended
}

// logTail bounds what is shown of a server's log when something fails.
const logTail = 4000

// explain adds the end of the server's log to an error.
func (s *server) explain(err error) error {
	text, _ := os.ReadFile(s.log) // the error is what counts
	return fmt.Errorf("%w\nthe server's log ends:\n%s", err, text[max(0, len(text)-logTail):])
}

func (s *server) usage() (host.Usage, error) { return host.UsageOf(s.cmd.Process.Pid) }

var errServerEnded = errors.New("the server ended")

// check reports that the server is gone.
func (s *server) check() error {
	select {
	case <-s.ended:
		return errServerEnded
	default:
		return nil
	}
}
