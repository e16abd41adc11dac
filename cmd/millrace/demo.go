package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace-io/millrace/internal/demo"
)

func newDemoCommand() *cobra.Command {
	s := &settings{}
	var rate int
	var quiet bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it run: an agent, a producer and a consumer on a throwaway bucket",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd, s, rate, !quiet)
		},
	}
	s.bind(cmd.Flags())
	cmd.Flags().IntVar(&rate, "rate", 5000, "records produced a second")
	cmd.Flags().BoolVar(&quiet, "no-browser", false, "do not open the status page")
	return cmd
}

func runDemo(cmd *cobra.Command, s *settings, rate int, browse bool) error {
	// Whatever is free: a demo must not fail for a port. And nobody else will join its group.
	s.unlessChanged(cmd, map[string]string{"listen": "127.0.0.1:0", "http": "127.0.0.1:0", "advertise": "127.0.0.1", "log-level": "warn"})
	if err := s.load(cmd); err != nil {
		return err
	}
	if rate < 1 {
		return usagef("--rate %d: want 1 or more records a second", rate)
	}
	s.kafka = append([]string{"group.initial.rebalance.delay.ms=0"}, s.kafka...)
	log, err := newLogger(s.logLevel)
	if err != nil {
		return err
	}
	signals := catchSignals()
	clean, farewell, err := s.ensureBucket()
	if err != nil {
		return err
	}
	defer clean()
	r, err := start(cmd.Context(), s, signals, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(cmd.Context())
	defer stop(nil)
	go r.endDemo(signals, stop, clean)
	out := cmd.OutOrStdout()
	r.greet(out)
	if browse && r.http != "" {
		openBrowser("http://" + r.http + "/")
	}
	err = demo.Run(ctx, demo.Config{Bootstrap: r.Agent.Advertised(), Topic: "demo", PerSecond: rate, Bytes: 200, Out: out, Bucket: r.written})
	fmt.Fprintln(out, "\nending"+farewell)
	_ = r.stop(false) // what was not answered nobody waits for any more
	if cause := context.Cause(ctx); cause == errAsked || errors.Is(err, syscall.EPIPE) {
		return nil // asked for, or whoever read the lines has had enough
	} else if cause != nil {
		return cause
	}
	return err
}

// endDemo ends it by a signal, or when its agent fails; and the process where a signal comes after that.
func (r *running) endDemo(signals <-chan os.Signal, stop context.CancelCauseFunc, clean func()) {
	select {
	case <-signals:
		stop(errAsked)
	case err := <-r.Agent.Failed():
		stop(err)
	}
	<-signals
	r.abandon()
	clean()
	os.Exit(1)
}

// greet says where everything is.
func (r *running) greet(out io.Writer) {
	fmt.Fprintf(out, "Millrace demo: Kafka at %s, ", r.Agent.Advertised())
	if r.http != "" {
		fmt.Fprintf(out, "status page at http://%s/, ", r.http)
	}
	fmt.Fprintf(out, "bucket %s. Ctrl-C ends it.\n\n", r.store.Info().URL)
}

// errAsked ends a demo that somebody asked to end.
var errAsked = errors.New("asked to end")

// written counts what this agent has put into the bucket.
func (r *running) written() (objects, bytes int64) {
	for _, op := range r.store.Snapshot() {
		if op.Name == "put" || op.Name == "put-if-absent" {
			objects += int64(op.Requests)
			bytes += int64(op.BytesSent)
		}
	}
	return objects, bytes
}

// openBrowser opens a page where there is a browser to see it; where there is none, nothing happens.
func openBrowser(url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		c := exec.Command(path, args...)
		if c.Start() == nil {
			go func() { _ = c.Wait() }()
			time.Sleep(50 * time.Millisecond)
		}
	}
}
