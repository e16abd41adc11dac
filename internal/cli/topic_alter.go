package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

type alterOptions struct {
	partitions int
	set        []string
	unset      []string
}

func topicAlter(flags *common) *cobra.Command {
	var o alterOptions
	cmd := &cobra.Command{
		Use:     "alter TOPIC",
		Short:   "Add partitions to a topic, set and delete its configs",
		Example: "  millrace topic alter orders --partitions 24 --config retention.ms=3600000 --delete-config segment.ms",
		Args:    wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			more := cmd.Flags().Changed("partitions")
			if more && o.partitions < 1 {
				return usagef("--partitions %d: a topic has at least 1", o.partitions)
			}
			changes, err := o.changes()
			if err != nil {
				return err
			}
			if !more && len(changes) == 0 {
				return usagef("nothing to alter: give --partitions, --config or --delete-config")
			}
			return flags.run(cmd, func(ctx context.Context, s *session) error {
				return s.alterTopic(ctx, args[0], o.partitions, changes)
			})
		},
	}
	cmd.Flags().IntVar(&o.partitions, "partitions", 0, "how many partitions the topic is to have; only ever more")
	cmd.Flags().StringArrayVar(&o.set, "config", nil, "set a topic config, as `key=value` (repeatable)")
	cmd.Flags().StringArrayVar(&o.unset, "delete-config", nil, "put the config `key` back to its default (repeatable)")
	return cmd
}

func (o alterOptions) changes() ([]kadm.AlterConfig, error) {
	set, err := settings(o.set)
	if err != nil {
		return nil, err
	}
	var changes []kadm.AlterConfig
	for _, key := range slices.Sorted(maps.Keys(set)) {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: set[key]})
	}
	for _, key := range o.unset {
		if set[key] != nil {
			return nil, usagef("--config and --delete-config both name %s", key)
		}
		changes = append(changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: key})
	}
	return changes, nil
}

// alterTopic has the configs checked before it adds partitions, which cannot be taken back.
func (s *session) alterTopic(ctx context.Context, topic string, partitions int, changes []kadm.AlterConfig) error {
	if _, err := s.topics(ctx, []string{topic}); err != nil {
		return err
	}
	if len(changes) > 0 && partitions > 0 {
		if err := alterAnswer(s.admin.ValidateAlterTopicConfigs(ctx, changes, topic)); err != nil {
			return err
		}
	}
	if partitions > 0 {
		if err := s.addPartitions(ctx, topic, partitions); err != nil {
			return err
		}
	}
	if len(changes) > 0 {
		if err := alterAnswer(s.admin.AlterTopicConfigs(ctx, changes, topic)); err != nil {
			return err
		}
	}
	t := s.tally("topic")
	t.done(topic, "altered", "")
	return t.err()
}

func (s *session) addPartitions(ctx context.Context, topic string, partitions int) error {
	answers, err := s.admin.UpdatePartitions(ctx, partitions, topic)
	if err != nil {
		return err
	}
	for _, a := range answers.Sorted() {
		if a.Err != nil {
			return refusal("topic", a.Topic, a.Err, a.ErrMessage)
		}
	}
	return nil
}

func alterAnswer(answers kadm.AlterConfigsResponses, err error) error {
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Err != nil {
			return refusal("topic", a.Name, a.Err, a.ErrMessage)
		}
	}
	return nil
}
