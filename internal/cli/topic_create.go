package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
)

type createOptions struct {
	partitions  int32
	configs     []string
	ifNotExists bool
}

func topicCreate(flags *common) *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use:     "create TOPIC...",
		Short:   "Create topics",
		Example: "  millrace topic create orders --partitions 12 --config retention.ms=86400000",
		Args:    wantArgs(1, -1),
		RunE: func(cmd *cobra.Command, names []string) error {
			if cmd.Flags().Changed("partitions") && o.partitions < 1 {
				return usagef("--partitions %d: a topic has at least 1", o.partitions)
			}
			configs, err := settings(o.configs)
			if err != nil {
				return err
			}
			return flags.run(cmd, func(ctx context.Context, s *session) error {
				return s.createTopics(ctx, names, configs, o)
			})
		},
	}
	cmd.Flags().Int32Var(&o.partitions, "partitions", -1, "how many partitions; -1 is the cluster's num.partitions")
	cmd.Flags().StringArrayVar(&o.configs, "config", nil, "topic config as `key=value` (repeatable)")
	cmd.Flags().BoolVar(&o.ifNotExists, "if-not-exists", false, "do not mind a topic that exists already")
	return cmd
}

func (s *session) createTopics(ctx context.Context, names []string, configs map[string]*string, o createOptions) error {
	slices.Sort(names)
	names = slices.Compact(names)
	// Replication -1 is the cluster's default (KIP-464).
	answers, err := s.admin.CreateTopics(ctx, o.partitions, -1, configs, names...)
	if err != nil {
		return err
	}
	t := s.tally("topic")
	for _, name := range names {
		a, ok := answers[name]
		switch {
		case !ok:
			t.fail(name, unanswered("topic", name))
		case a.Err == nil:
			t.done(a.Topic, "created", createdDetail(a.NumPartitions))
		case o.ifNotExists && errors.Is(a.Err, kerr.TopicAlreadyExists):
			t.done(a.Topic, "exists", "")
		default:
			t.fail(a.Topic, refusal("topic", a.Topic, a.Err, a.ErrMessage))
		}
	}
	return t.err()
}

// createdDetail is empty where the cluster did not say how many partitions it made (before KIP-525).
func createdDetail(partitions int32) string {
	if partitions < 1 {
		return ""
	}
	return fmt.Sprintf(" with %s", count(int(partitions), "partition"))
}
