package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type topicInfo struct {
	Topic      string          `json:"topic"`
	ID         string          `json:"id"`
	Internal   bool            `json:"internal"`
	Partitions []partitionInfo `json:"partitions"`
	Configs    []configInfo    `json:"configs"`
}

// partitionInfo has null offsets where the partition's leader did not answer.
type partitionInfo struct {
	Partition   int32   `json:"partition"`
	Leader      int32   `json:"leader"`
	LeaderEpoch int32   `json:"leader_epoch"`
	Replicas    []int32 `json:"replicas"`
	StartOffset *int64  `json:"start_offset"`
	EndOffset   *int64  `json:"end_offset"`
}

// configInfo is a config that is not at its default. A sensitive one has no value.
type configInfo struct {
	Name   string  `json:"name"`
	Value  *string `json:"value"`
	Source string  `json:"source"`
}

func topicDescribe(flags *common) *cobra.Command {
	return &cobra.Command{
		Use:   "describe TOPIC...",
		Short: "Show partitions with leader and offsets, and the configs that are not at their default",
		Args:  wantArgs(1, -1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return flags.run(cmd, func(ctx context.Context, s *session) error { return s.describeTopics(ctx, names) })
		},
	}
}

func (s *session) describeTopics(ctx context.Context, names []string) error {
	details, err := s.topics(ctx, names)
	if err != nil {
		return err
	}
	starts, ends, err := s.bounds(ctx, names)
	if err != nil {
		return err
	}
	resources, err := s.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil && len(resources) == 0 {
		return err
	}
	for i, d := range details.Sorted() {
		info := describeTopic(d, starts, ends)
		for _, r := range resources {
			if r.Name == d.Topic {
				info.Configs = changedConfigs(r.Configs)
			}
		}
		if s.json {
			if err := s.object(info); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		s.printTopic(info)
	}
	return nil
}

// topics loads the named topics and fails on the first that is not there.
func (s *session) topics(ctx context.Context, names []string) (kadm.TopicDetails, error) {
	details, err := s.admin.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, d := range details.Sorted() {
		if isUnknownTopic(d.Err) {
			return nil, noSuchTopic(d.Topic, fmt.Sprintf("make it with \"millrace topic create %s\", or see \"millrace topic list\"", d.Topic))
		}
		if d.Err != nil {
			return nil, refusal("topic", d.Topic, d.Err, "")
		}
	}
	return details, nil
}

// bounds lists start and end offsets. A broker that does not answer leaves its partitions out.
func (s *session) bounds(ctx context.Context, topics []string) (starts, ends kadm.ListedOffsets, err error) {
	if len(topics) == 0 {
		return nil, nil, nil
	}
	if starts, err = s.admin.ListStartOffsets(ctx, topics...); err != nil && !isPartial(err) {
		return nil, nil, err
	}
	if ends, err = s.admin.ListEndOffsets(ctx, topics...); err != nil && !isPartial(err) {
		return nil, nil, err
	}
	return starts, ends, nil
}

func isPartial(err error) bool {
	var shards *kadm.ShardErrors
	return errors.As(err, &shards) && !shards.AllFailed
}

func isUnknownTopic(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

func noSuchTopic(name, advice string) error {
	return fmt.Errorf("topic %s does not exist; %s", name, advice)
}

func describeTopic(d kadm.TopicDetail, starts, ends kadm.ListedOffsets) topicInfo {
	info := topicInfo{Topic: d.Topic, ID: idText(d.ID), Internal: d.IsInternal, Configs: []configInfo{}}
	for _, p := range d.Partitions.Sorted() {
		info.Partitions = append(info.Partitions, partitionInfo{
			Partition: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas,
			StartOffset: known(starts, d.Topic, p.Partition), EndOffset: known(ends, d.Topic, p.Partition),
		})
	}
	return info
}

// known gives a listed offset, or nil if there is none.
func known(listed kadm.ListedOffsets, topic string, partition int32) *int64 {
	o, ok := listed.Lookup(topic, partition)
	if !ok || o.Err != nil || o.Offset < 0 {
		return nil
	}
	return &o.Offset
}

func changedConfigs(all []kadm.Config) []configInfo {
	changed := []configInfo{}
	for _, c := range all {
		if c.Source != kmsg.ConfigSourceDefaultConfig && c.Source != 0 {
			changed = append(changed, configInfo{c.Key, c.Value, c.Source.String()})
		}
	}
	slices.SortFunc(changed, func(a, b configInfo) int { return strings.Compare(a.Name, b.Name) })
	return changed
}

func (s *session) printTopic(info topicInfo) {
	fmt.Fprintf(s.out, "topic %s", info.Topic)
	if info.ID != "" {
		fmt.Fprintf(s.out, "  id %s", info.ID)
	}
	fmt.Fprintf(s.out, "  %s\n\n", count(len(info.Partitions), "partition"))
	t := newTable("PARTITION>", "LEADER>", "EPOCH>", "START>", "END>", "RECORDS>")
	for _, p := range info.Partitions {
		t.add(p.Partition, p.Leader, p.LeaderEpoch, number(p.StartOffset), number(p.EndOffset), difference(p.EndOffset, p.StartOffset))
	}
	t.print(s.out)
	if len(info.Configs) == 0 {
		return
	}
	fmt.Fprintln(s.out)
	t = newTable("CONFIG", "VALUE", "SOURCE")
	for _, c := range info.Configs {
		value := "(hidden)"
		if c.Value != nil {
			value = *c.Value
		}
		t.add(c.Name, value, c.Source)
	}
	t.print(s.out)
}

// number is a cell for a number that may be unknown.
func number(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func difference(a, b *int64) any {
	if a == nil || b == nil {
		return nil
	}
	return *a - *b
}
