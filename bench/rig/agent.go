package rig

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-io/millrace/bench/host"
)

// millrace builds the binary, once.
func (r *Rig) millrace() (path string, err error) {
	if r.binary == "" {
		r.binary, err = host.Build(r.work)
	}
	return r.binary, err
}

// Agent is a running one.
type Agent struct {
	Kafka, HTTP string // its addresses
	began       time.Time
	cmd         *exec.Cmd
	log         bytes.Buffer
	ended       chan struct{}
}

// readyWithin bounds the wait for an agent.
const readyWithin = 2 * time.Minute

// Start starts an agent and waits until it is ready; took is how long that was. It ends with the measurement.
func (r *Rig) Start(bucket string, flags ...string) (a *Agent, took time.Duration, err error) {
	for range host.StartTries {
		a, took, err = r.start(bucket, flags)
		if err == nil || !host.AddressTaken(err.Error()) {
			break
		}
	}
	return a, took, err
}

func (r *Rig) start(bucket string, flags []string) (a *Agent, took time.Duration, err error) {
	binary, err := r.millrace()
	if err != nil {
		return nil, 0, err
	}
	a = &Agent{ended: make(chan struct{})}
	if a.Kafka, err = host.FreeAddress(); err != nil {
		return nil, 0, err
	}
	if a.HTTP, err = host.FreeAddress(); err != nil {
		return nil, 0, err
	}
	args := append([]string{"agent", "--bucket", bucket, "--listen", a.Kafka, "--advertise", a.Kafka, "--http", a.HTTP}, flags...)
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
	r.Later(a.Kill)
	if err := a.awaitReady(); err != nil {
		a.Kill()
		return nil, 0, fmt.Errorf("%w\n%s", err, a.log.Bytes())
	}
	return a, time.Since(a.began), nil
}

func (a *Agent) awaitReady() error {
	client := &http.Client{Timeout: time.Second}
	for time.Since(a.began) < readyWithin {
		if r, err := client.Get("http://" + a.HTTP + "/readyz"); err == nil {
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

// Kill ends the agent at once. It may be called again.
func (a *Agent) Kill() {
	_ = a.cmd.Process.Kill() // fails only if it has ended
	<-a.ended
}

// Usage is what the kernel says of the agent.
func (a *Agent) Usage() (host.Usage, error) { return host.UsageOf(a.cmd.Process.Pid) }

// Requests gives the requests to the bucket so far, by operation.
func (a *Agent) Requests() (map[string]float64, error) {
	all, err := a.Metrics()
	counts := map[string]float64{}
	for name, v := range all {
		if rest, ok := strings.CutPrefix(name, `millrace_store_requests_total{operation="`); ok {
			counts[strings.TrimSuffix(rest, `"}`)] = v
		}
	}
	return counts, err
}

// Metrics gives what the agent's /metrics says, by name with labels.
func (a *Agent) Metrics() (map[string]float64, error) {
	r, err := http.Get("http://" + a.HTTP + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	values := map[string]float64{}
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		if values[lines.Text()[:at]], err = strconv.ParseFloat(lines.Text()[at+1:], 64); err != nil {
			return nil, err
		}
	}
	return values, lines.Err()
}

// Save stores what a path of the agent's HTTP side answers.
func (a *Agent) Save(path, file string) error { return host.Save("http://"+a.HTTP+path, file) }
