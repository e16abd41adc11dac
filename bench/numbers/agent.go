package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const module = "github.com/millrace-io/millrace"

// millrace builds the binary, once.
func (b *bench) millrace() (string, error) {
	if b.binary != "" {
		return b.binary, nil
	}
	path := filepath.Join(b.work, "millrace")
	build := exec.Command("go", "build", "-o", path, module+"/cmd/millrace")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building millrace: %w\n%s", err, output)
	}
	b.binary = path
	return path, nil
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
	if a.kafka, err = freeAddress(); err != nil {
		return nil, 0, err
	}
	if a.http, err = freeAddress(); err != nil {
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

// save stores what a path of the agent's HTTP side answers.
func (a *agent) save(path, file string) error {
	r, err := http.Get("http://" + a.http + path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, r.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r.Body)
	return errors.Join(err, out.Close())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// fileBucket makes a folder and gives the URL of the bucket in it.
func (b *bench) fileBucket() (url, dir string, err error) {
	dir, err = os.MkdirTemp(b.work, "bucket-")
	return "file://" + dir, dir, err
}
