package cli

import (
	"context"
	"encoding/base64"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// TopicCommand makes "topic": create, list, describe, alter and delete topics.
func TopicCommand() *cobra.Command {
	flags := &common{}
	return family("topic", "Create, list, describe, alter and delete topics", flags,
		topicCreate(flags), topicList(flags), topicDescribe(flags), topicAlter(flags), topicDelete(flags))
}

type topicRow struct {
	Topic      string `json:"topic"`
	ID         string `json:"id"`
	Partitions int    `json:"partitions"`
	Internal   bool   `json:"internal"`
}

func topicList(flags *common) *cobra.Command {
	var internal bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List topics with their partitions and ids",
		Example: "  millrace topic list --json | jq -r .topic",
		Args:    wantArgs(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.run(cmd, func(ctx context.Context, s *session) error { return s.listTopics(ctx, internal) })
		},
	}
	cmd.Flags().BoolVar(&internal, "internal", false, "list the cluster's own topics too")
	return cmd
}

func (s *session) listTopics(ctx context.Context, internal bool) error {
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	var rows []topicRow
	for _, d := range details.Sorted() {
		if !d.IsInternal || internal {
			rows = append(rows, topicRow{d.Topic, idText(d.ID), len(d.Partitions), d.IsInternal})
		}
	}
	if s.json {
		return objects(s, rows)
	}
	t := newTable("TOPIC", "PARTITIONS>", "ID")
	for _, r := range rows {
		t.add(r.Topic, r.Partitions, r.ID)
	}
	t.print(s.out)
	return nil
}

// idText writes an id as Kafka's own tools do. It is empty where the cluster knows no topic ids.
func idText(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func topicDelete(flags *common) *cobra.Command {
	var ifExists bool
	cmd := &cobra.Command{
		Use:   "delete TOPIC...",
		Short: "Delete topics with all their records",
		Args:  wantArgs(1, -1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return flags.run(cmd, func(ctx context.Context, s *session) error { return s.deleteTopics(ctx, names, ifExists) })
		},
	}
	cmd.Flags().BoolVar(&ifExists, "if-exists", false, "do not mind a topic that does not exist")
	return cmd
}

func (s *session) deleteTopics(ctx context.Context, names []string, ifExists bool) error {
	slices.Sort(names)
	names = slices.Compact(names)
	answers, err := s.admin.DeleteTopics(ctx, names...)
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
			t.done(a.Topic, "deleted", "")
		case ifExists && isUnknownTopic(a.Err):
			t.done(a.Topic, "does not exist", "")
		case isUnknownTopic(a.Err):
			t.fail(a.Topic, noSuchTopic(a.Topic, "--if-exists accepts that"))
		default:
			t.fail(a.Topic, refusal("topic", a.Topic, a.Err, a.ErrMessage))
		}
	}
	return t.err()
}
