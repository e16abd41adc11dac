package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	defaultBootstrap = "127.0.0.1:9092"
	bootstrapEnv     = "MILLRACE_BOOTSTRAP"

	// dialTimeout bounds one attempt to connect, requestTimeout all attempts of one request: long enough for an agent
	// that is just starting, short enough that a person does not wonder.
	dialTimeout    = 5 * time.Second
	requestTimeout = 15 * time.Second
	// farewellTimeout bounds what is still done after Ctrl-C: flush, commit, leave the group.
	farewellTimeout = 10 * time.Second
)

// common are the flags every command has.
type common struct {
	bootstrap string
	json      bool
}

func (c *common) addTo(flags *pflag.FlagSet) {
	c.addBootstrap(flags)
	flags.BoolVar(&c.json, "json", false, "print JSON lines instead of text")
}

func (c *common) addBootstrap(flags *pflag.FlagSet) {
	flags.StringVar(&c.bootstrap, "bootstrap", "",
		"`host:port` of one or more brokers, separated by commas (env "+bootstrapEnv+"; default "+defaultBootstrap+")")
}

// seeds gives the addresses to start from: flag, else environment, else the default.
func (c *common) seeds() []string {
	for _, from := range []string{c.bootstrap, os.Getenv(bootstrapEnv), defaultBootstrap} {
		var seeds []string
		for _, seed := range strings.Split(from, ",") {
			if seed = strings.TrimSpace(seed); seed != "" {
				seeds = append(seeds, seed)
			}
		}
		if len(seeds) > 0 {
			return seeds
		}
	}
	return nil
}

// session is one connected run of a command.
type session struct {
	client *kgo.Client
	admin  *kadm.Client
	json   bool
	in     io.Reader
	out    io.Writer
	err    io.Writer
}

// run connects, calls do, and words its error. ctx ends on Ctrl-C and SIGTERM.
func (c *common) run(cmd *cobra.Command, do func(context.Context, *session) error, opts ...kgo.Opt) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	seeds := c.seeds()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.ClientID("millrace-cli"),
		kgo.DialTimeout(dialTimeout),
		kgo.RetryTimeout(requestTimeout),
	}, opts...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return usagef("%v", err)
	}
	defer client.Close()
	if err := ping(ctx, client); err != nil {
		return explain(err, seeds)
	}
	s := &session{
		client: client, admin: kadm.NewClient(client), json: c.json,
		in: cmd.InOrStdin(), out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(),
	}
	return explain(do(ctx, s), seeds)
}

// ping fails fast where nobody answers; the client's requests would keep trying for a while.
func ping(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return client.Ping(ctx)
}

// isTerminal reports whether stream is a terminal rather than a file or a pipe.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
