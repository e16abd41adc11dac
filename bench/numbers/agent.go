package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-io/millrace/bench/host"
)

// millrace builds the binary, once.
func (b *bench) millrace() (path string, err error) {
	if b.binary == "" {
		b.binary, err = host.Build(b.work)
	}
	return b.binary, err
}

// agent is a running one.
type agent struct {
	kafka, http string
	began       time.Time
	cmd         *exec.Cmd
	log         bytes.Buffer
	ended       chan struct{}
}

// readyWithin bounds the wait for an agent.
const readyWithin = 2 * time.Minute

// start starts an agent and waits until it is ready; took is how long that was. It ends with the measurement.
func (b *bench) start(bucket string, flags ...string) (a *agent, took time.Duration, err error) {
	binary, err := b.millrace()
	if err != nil {
		return nil, 0, err
	}
	a = &agent{ended: make(chan struct{})}
	if a.kafka, err = host.FreeAddress(); err != nil {
		return nil, 0, err
	}
	if a.http, err = host.FreeAddress(); err != nil {
		return nil, 0, err
	}
	args := append([]string{"agent", "--bucket", bucket, "--listen", a.kafka, "--advertise", a.kafka, "--http", a.http}, flags...)
	a.cmd = exec.Command(binary, args...)
	a.cmd.Stdout, a.cmd.Stderr = &a.log, &a.log
	a.began = time.Now()
	if err := a.cmd.Start(); err != nil {
		return nil, 0, err
	}
	go func() {
		_ = a.cmd.Wait() // however it ended
		close(a.ended)
	}()
	b.later(a.kill)
	if err := a.awaitReady(); err != nil {
		a.kill()
		return nil, 0, fmt.Errorf("%w\n%s", err, a.log.Bytes())
	}
	return a, time.Since(a.began), nil
}

func (a *agent) awaitReady() error {
	client := &http.Client{Timeout: time.Second}
	for time.Since(a.began) < readyWithin {
		if r, err := client.Get("http://" + a.http + "/readyz"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-a.ended:
			return errors.New("the agent ended before it was ready")
		case <-time.After(2 * time.Millisecond):
		}
	}
	return fmt.Errorf("the agent is not ready after %v", readyWithin)
}

// kill ends the agent at once. It may be called again.
func (a *agent) kill() {
	_ = a.cmd.Process.Kill() // fails only if it has ended
	<-a.ended
}

// requests gives the requests to the bucket so far, by operation.
func (a *agent) requests() (map[string]float64, error) {
	const name = `millrace_store_requests_total{operation="`
	r, err := http.Get("http://" + a.http + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	counts := map[string]float64{}
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		operation, value, cut := strings.Cut(rest, `"} `)
		if !ok || !cut {
			continue
		}
		if counts[operation], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, err
		}
	}
	return counts, lines.Err()
}

// fileBucket makes a folder and gives the URL of the bucket in it.
func (b *bench) fileBucket() (url, dir string, err error) {
	dir, err = os.MkdirTemp(b.work, "bucket-")
	return "file://" + dir, dir, err
}
