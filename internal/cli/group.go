package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// GroupCommand makes "group": list, describe, reset and delete consumer groups, and delete single offsets of them.
func GroupCommand() *cobra.Command {
	flags := &common{}
	return family("group", "List, describe, reset and delete consumer groups", flags,
		groupList(flags), groupDescribe(flags), groupReset(flags), groupDelete(flags), groupDeleteOffsets(flags))
}

type groupRow struct {
	Group       string `json:"group"`
	State       string `json:"state"`
	Protocol    string `json:"protocol"`
	Coordinator int32  `json:"coordinator"`
}

func groupList(flags *common) *cobra.Command {
	var states []string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List groups with their state and protocol",
		Args:  wantArgs(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.run(cmd, func(ctx context.Context, s *session) error { return s.listGroups(ctx, states) })
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only groups in these `states`, such as Stable,Empty")
	return cmd
}

func (s *session) listGroups(ctx context.Context, states []string) error {
	listed, err := s.admin.ListGroups(ctx, states...)
	if err != nil && !isPartial(err) {
		return err
	}
	var rows []groupRow
	for _, g := range listed.Sorted() {
		rows = append(rows, groupRow{g.Group, g.State, g.ProtocolType, g.Coordinator})
	}
	if s.json {
		return objects(s, rows)
	}
	t := newTable("GROUP", "STATE", "PROTOCOL", "COORDINATOR>")
	for _, r := range rows {
		t.add(r.Group, r.State, r.Protocol, r.Coordinator)
	}
	t.print(s.out)
	return nil
}

func groupDelete(flags *common) *cobra.Command {
	return &cobra.Command{
		Use:   "delete GROUP...",
		Short: "Delete groups that have no members, with their offsets",
		Args:  wantArgs(1, -1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return flags.run(cmd, func(ctx context.Context, s *session) error { return s.deleteGroups(ctx, names) })
		},
	}
}

func (s *session) deleteGroups(ctx context.Context, names []string) error {
	slices.Sort(names)
	names = slices.Compact(names)
	answers, err := s.admin.DeleteGroups(ctx, names...)
	if err != nil && !isPartial(err) {
		return err
	}
	t := s.tally("group")
	for _, name := range names {
		a, ok := answers[name]
		switch {
		case !ok:
			t.fail(name, unanswered("group", name))
		case a.Err == nil:
			t.done(a.Group, "deleted", "")
		case isUnknownGroup(a.Err):
			t.fail(a.Group, errNoGroup{a.Group})
		default:
			t.fail(a.Group, refusal("group", a.Group, a.Err, a.ErrMessage))
		}
	}
	return t.err()
}

func groupDeleteOffsets(flags *common) *cobra.Command {
	var topics []string
	cmd := &cobra.Command{
		Use:     "delete-offsets GROUP --topic TOPIC[:PARTITION,...]",
		Short:   "Delete committed offsets of topics that no member of the group reads",
		Example: "  millrace group delete-offsets billing --topic orders:0,1",
		Args:    wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := choices(topics)
			if err != nil {
				return err
			}
			if len(scope) == 0 {
				return usagef("say which offsets to delete with --topic")
			}
			return flags.run(cmd, func(ctx context.Context, s *session) error {
				return s.deleteOffsets(ctx, args[0], scope)
			})
		},
	}
	cmd.Flags().StringArrayVar(&topics, "topic", nil, "topic, or `topic:0,1` for some of its partitions (repeatable)")
	return cmd
}

func (s *session) deleteOffsets(ctx context.Context, group string, scope []choice) error {
	targets, err := s.partitionsOf(ctx, scope)
	if err != nil {
		return err
	}
	answers, err := s.admin.DeleteOffsets(ctx, group, targets)
	if isUnknownGroup(err) {
		return errNoGroup{group}
	}
	if err != nil {
		return refusal("group", group, err, "")
	}
	t := s.tally("partition")
	for _, target := range flatten(targets) {
		name := target.String()
		if err, _ := answers.Lookup(target.topic, target.partition); err != nil {
			t.fail(name, refusal("partition", name, err, ""))
			continue
		}
		t.done(name, "offset deleted", "")
	}
	return t.err()
}

// partitionsOf resolves topics without partitions to all their partitions, and refuses partitions that do not exist.
func (s *session) partitionsOf(ctx context.Context, scope []choice) (kadm.TopicsSet, error) {
	names := make([]string, len(scope))
	for i, c := range scope {
		names[i] = c.topic
	}
	details, err := s.topics(ctx, names)
	if err != nil {
		return nil, err
	}
	set := kadm.TopicsSet{}
	for _, c := range scope {
		has := details[c.topic].Partitions
		for _, p := range c.partitions {
			if _, ok := has[p]; !ok {
				return nil, noSuchPartition(c.topic, p, len(has))
			}
		}
		if set.Add(c.topic, c.partitions...); len(c.partitions) == 0 {
			set.Add(c.topic, has.Numbers()...)
		}
	}
	return set, nil
}
