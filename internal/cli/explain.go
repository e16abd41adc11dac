package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const startHint = "start an agent with \"millrace playground\", or name a running one with --bootstrap"

// explain words what went wrong between here and the cluster as one line: what happened, where, what to do. seeds are
// the bootstrap addresses. Errors that are already worded pass unchanged.
func explain(err error, seeds []string) error {
	if err == nil {
		return nil
	}
	var (
		usage   *UsageError
		op      *net.OpError
		dns     *net.DNSError
		shards  *kadm.ShardErrors
		eof     *kgo.ErrFirstReadEOF
		address = strings.Join(seeds, ",")
	)
	if errors.As(err, &op) && op.Addr != nil {
		address = op.Addr.String()
	}
	switch {
	case errors.As(err, &usage):
		return err
	case errors.As(err, &dns):
		return fmt.Errorf("no host is called %q: check --bootstrap, and the addresses the cluster advertises", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused(address, seeds)
	case errors.As(err, &eof), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return fmt.Errorf("%s closed the connection at once: it may want TLS or SASL, or not be a Kafka port", address)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case isTimeout(err):
		return fmt.Errorf("no answer from %s in time: is that a Kafka port, and does no firewall stand between? Otherwise %s", address, startHint)
	case errors.As(err, &shards) && len(shards.Errs) > 0:
		return fmt.Errorf("%s: %w", shards.Name, shards.Errs[0].Err)
	}
	return err
}

// refused tells a bootstrap address where nobody listens from an advertised one that cannot be reached from here.
func refused(address string, seeds []string) error {
	for _, seed := range seeds {
		host, port, err := net.SplitHostPort(seed)
		if err != nil {
			host, port = seed, "9092"
		}
		_, atPort, _ := net.SplitHostPort(address)
		if seed == address || net.JoinHostPort(host, port) == address || (port == atPort && net.ParseIP(host) == nil) {
			return fmt.Errorf("nothing listens at %s (connection refused): %s", address, startHint)
		}
	}
	return fmt.Errorf("%s answers, but the address it advertises, %s, refuses connections: check --advertise of the agent",
		strings.Join(seeds, ","), address)
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}

// refusal words an error code the cluster gave for the named thing, with the cluster's own text where it sent one.
func refusal(noun, name string, err error, message string) error {
	var code *kerr.Error
	if !errors.As(err, &code) {
		return fmt.Errorf("%s %s: %w", noun, name, err)
	}
	if message == "" {
		message = code.Description
	}
	return fmt.Errorf("%s %s: %s (%s)%s", noun, name, strings.TrimSuffix(message, "."), code.Message, advice(code, name))
}

// unanswered words that the broker in charge of the thing could not be asked.
func unanswered(noun, name string) error {
	return fmt.Errorf("%s %s: the broker in charge of it did not answer; try again, or see that all agents run", noun, name)
}

func advice(code *kerr.Error, name string) string {
	switch code {
	case kerr.UnknownTopicOrPartition:
		return fmt.Sprintf("; make it with \"millrace topic create %s\"", name)
	case kerr.TopicAlreadyExists:
		return "; --if-not-exists accepts that"
	case kerr.NonEmptyGroup:
		return "; stop its members first"
	case kerr.GroupSubscribedToTopic:
		return "; stop the members that read it first"
	}
	return ""
}
