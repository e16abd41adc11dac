package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newPlaygroundCommand() *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:   "playground [--bucket URL]",
		Short: "One agent for development, on a throwaway bucket or a given one",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return playground(cmd, s) },
	}
	s.bind(cmd.Flags())
	return cmd
}

func playground(cmd *cobra.Command, s *settings) error {
	s.unlessChanged(cmd, map[string]string{"log-level": "warn"})
	if err := s.load(cmd); err != nil {
		return err
	}
	// One developer does not want to wait for more members, as in the settings that Kafka is shipped with.
	s.kafka = append([]string{"group.initial.rebalance.delay.ms=0"}, s.kafka...)
	log, err := newLogger(s.logLevel)
	if err != nil {
		return err
	}
	signals := catchSignals()
	throwaway := s.bucket == ""
	clean, _, err := s.ensureBucket()
	if err != nil {
		return err
	}
	defer clean()
	r, err := start(cmd.Context(), s, signals, log)
	if err != nil {
		return err
	}
	invite(cmd.OutOrStdout(), r, s, throwaway)
	return r.await(cmd.Context(), signals, log)
}

// ensureBucket gives the agent a bucket of its own in a temporary folder, if it has none, and the function that removes
// what was made, and what to say of that in the end.
func (s *settings) ensureBucket() (clean func(), farewell string, err error) {
	if s.bucket != "" {
		return func() {}, "", nil
	}
	dir, err := os.MkdirTemp("", "millrace-")
	if err != nil {
		return nil, "", fmt.Errorf("no room for a throwaway bucket: %w; set TMPDIR, or give one with --bucket", err)
	}
	s.bucket = (&url.URL{Scheme: "file", Path: dir}).String()
	return func() { removeBucket(dir) }, ": the bucket is removed", nil
}

// removeBucket removes a throwaway bucket. A write that was under way when its agent ended may make a file meanwhile, which
// keeps its folder from going: then once more.
func removeBucket(dir string) {
	for range 20 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// invite says what to put in a client, and how a second machine joins.
func invite(out io.Writer, r *running, s *settings, throwaway bool) {
	fmt.Fprintf(out, "Millrace is ready.\n\n  bootstrap.servers=%s\n", r.Agent.Advertised())
	if r.http != "" {
		fmt.Fprintf(out, "  status page       http://%s/\n", r.http)
	}
	fmt.Fprintf(out, "  bucket            %s\n\n", r.store.Info().URL)
	fmt.Fprintf(out, "Try it:\n\n  echo hello | millrace produce greetings --bootstrap %s\n  millrace consume greetings --from beginning --bootstrap %s\n\n",
		r.Agent.Advertised(), r.Agent.Advertised())
	join := fmt.Sprintf("millrace agent --bucket '%s'", s.bucket)
	const shared = "needs a bucket that both reach: --bucket s3://BUCKET/PREFIX, or a shared folder.\n"
	switch {
	case strings.HasPrefix(s.bucket, "mem:"):
		fmt.Fprint(out, "The bucket is in this process's memory: no other agent can join it, and it ends with it. A second agent "+shared)
	case strings.HasPrefix(s.bucket, "file:"):
		fmt.Fprintf(out, "A second agent on this machine joins the same bucket with\n\n  %s --listen :9093 --http :8081\n\n", join)
		fmt.Fprint(out, "and one on another machine "+shared)
	default:
		fmt.Fprintf(out, "A second machine joins the same bucket with\n\n  %s\n\n", join)
	}
	if throwaway {
		fmt.Fprintf(out, "The bucket is removed when this ends (Ctrl-C).\n")
	}
}
