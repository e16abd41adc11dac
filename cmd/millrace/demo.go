package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
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
	if err := s.load(cmd); err != nil {
		return err
	}
	for name, value := range map[string]*string{"listen": &s.listen, "http": &s.http} {
		if !cmd.Flags().Changed(name) {
			*value = "127.0.0.1:0" // whatever is free: a demo must not fail for a port
		}
	}
	if s.advertise == "" {
		s.advertise = "127.0.0.1"
	}
	s.kafka = append([]string{"group.initial.rebalance.delay.ms=0"}, s.kafka...) // nobody else will join
	log, err := newLogger("warn")
	if err != nil {
		return err
	}
	if s.bucket == "" {
		clean, err := s.throwaway()
		if err != nil {
			return err
		}
		defer clean()
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := start(context.WithoutCancel(ctx), s, log)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "Millrace demo: Kafka at %s, status page at http://%s/, bucket %s. Ctrl-C ends it.\n\n", r.Agent.Advertised(), r.http, r.store.Info().URL)
	if browse && r.http != "" {
		openBrowser("http://" + r.http + "/")
	}
	err = demo.Run(ctx, demo.Config{Bootstrap: r.Agent.Advertised(), Topic: "demo", PerSecond: rate, Bytes: 200, Out: out, Bucket: r.written})
	fmt.Fprintln(out, "\nending: the bucket is removed")
	r.stop(false)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

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
