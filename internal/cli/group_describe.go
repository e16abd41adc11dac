package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// groupInfo is what "group describe" shows of a group.
type groupInfo struct {
	Group       string       `json:"group"`
	State       string       `json:"state"`
	Type        string       `json:"type"` // classic, or consumer (KIP-848)
	Protocol    string       `json:"protocol"`
	Assignor    string       `json:"assignor"`
	Coordinator int32        `json:"coordinator"`
	TotalLag    int64        `json:"total_lag"`
	Members     []memberInfo `json:"members"`
	Offsets     []offsetInfo `json:"offsets"`
}

type memberInfo struct {
	MemberID   string   `json:"member_id"`
	InstanceID *string  `json:"instance_id"`
	ClientID   string   `json:"client_id"`
	Host       string   `json:"host"`
	Partitions []string `json:"partitions"` // topic:partition

	assigned kadm.TopicsSet
}

// offsetInfo is one partition the group has committed or been assigned. Null numbers are not known: nothing was
// committed, or the partition does not exist any more.
type offsetInfo struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed_offset"`
	Start     *int64 `json:"start_offset"`
	End       *int64 `json:"end_offset"`
	Lag       *int64 `json:"lag"`
	MemberID  string `json:"member_id"`
	ClientID  string `json:"client_id"`
}

func groupDescribe(flags *common) *cobra.Command {
	return &cobra.Command{
		Use:   "describe GROUP...",
		Short: "Show a group's members, and its lag on every partition",
		Args:  wantArgs(1, -1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return flags.run(cmd, func(ctx context.Context, s *session) error { return s.describeGroups(ctx, names) })
		},
	}
}

func (s *session) describeGroups(ctx context.Context, names []string) error {
	for i, name := range names {
		info, err := s.group(ctx, name)
		if err != nil {
			return err
		}
		if err := s.addOffsets(ctx, info); err != nil {
			return err
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
		s.printGroup(info)
	}
	return nil
}

// group loads state and members, asking for a group of the new protocol first (KIP-848): a cluster that does not know
// the request, or knows the group as a classic one, refuses that.
func (s *session) group(ctx context.Context, name string) (*groupInfo, error) {
	newer, err := s.admin.DescribeConsumerGroups(ctx, name)
	if g, ok := newer[name]; err == nil && ok && g.Err == nil {
		return consumerGroup(g), nil
	}
	answers, err := s.admin.DescribeGroups(ctx, name)
	if err != nil {
		return nil, err
	}
	g, ok := answers[name]
	switch {
	case !ok:
		return nil, unanswered("group", name)
	case isUnknownGroup(g.Err), g.Err == nil && g.State == "Dead":
		return nil, errNoGroup{name}
	case g.Err != nil:
		return nil, refusal("group", name, g.Err, g.ErrMessage)
	}
	return classicGroup(g), nil
}

// errNoGroup says that the cluster knows no group of this name.
type errNoGroup struct{ name string }

func (e errNoGroup) Error() string {
	return fmt.Sprintf("group %s does not exist; see \"millrace group list\"", e.name)
}

func isUnknownGroup(err error) bool { return errors.Is(err, kerr.GroupIDNotFound) }

func classicGroup(g kadm.DescribedGroup) *groupInfo {
	info := &groupInfo{
		Group: g.Group, State: g.State, Type: "classic", Protocol: g.ProtocolType, Assignor: g.Protocol,
		Coordinator: g.Coordinator.NodeID, Members: []memberInfo{},
	}
	for _, m := range g.Members {
		assigned := kadm.TopicsSet{}
		if c, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range c.Topics {
				assigned.Add(t.Topic, t.Partitions...)
			}
		}
		info.addMember(memberInfo{MemberID: m.MemberID, InstanceID: m.InstanceID, ClientID: m.ClientID, Host: m.ClientHost, assigned: assigned})
	}
	return info
}

func consumerGroup(g kadm.DescribedConsumerGroup) *groupInfo {
	info := &groupInfo{
		Group: g.Group, State: g.State, Type: "consumer", Protocol: "consumer", Assignor: g.AssignorName,
		Coordinator: g.Coordinator.NodeID, Members: []memberInfo{},
	}
	for _, m := range g.Members {
		info.addMember(memberInfo{MemberID: m.MemberID, InstanceID: m.InstanceID, ClientID: m.ClientID, Host: m.ClientHost, assigned: m.Assignment})
	}
	return info
}

func (g *groupInfo) addMember(m memberInfo) {
	m.Partitions = []string{}
	for _, p := range flatten(m.assigned) {
		m.Partitions = append(m.Partitions, p.String())
	}
	g.Members = append(g.Members, m)
}

// addOffsets fills in the partitions the group has committed or been assigned, with their lag.
func (s *session) addOffsets(ctx context.Context, g *groupInfo) error {
	committed, err := s.committed(ctx, g.Group)
	if err != nil {
		return err
	}
	all := committed.TopicsSet()
	owner := map[partition]memberInfo{}
	for _, m := range g.Members {
		all.Merge(m.assigned)
		for _, p := range flatten(m.assigned) {
			owner[p] = m
		}
	}
	starts, ends, err := s.bounds(ctx, all.Topics())
	if err != nil {
		return err
	}
	g.Offsets = []offsetInfo{}
	for _, p := range flatten(all) {
		row := offsetInfo{
			Topic: p.topic, Partition: p.partition, MemberID: owner[p].MemberID, ClientID: owner[p].ClientID,
			Start: known(starts, p.topic, p.partition), End: known(ends, p.topic, p.partition),
		}
		if o, ok := committed.Lookup(p.topic, p.partition); ok {
			row.Committed = &o.At
		}
		if row.Committed != nil && row.End != nil {
			lag := max(0, *row.End-*row.Committed)
			row.Lag = &lag
			g.TotalLag += lag
		}
		g.Offsets = append(g.Offsets, row)
	}
	return nil
}

// committed gives the group's committed offsets; partitions without one are left out.
func (s *session) committed(ctx context.Context, group string) (kadm.Offsets, error) {
	answers, err := s.admin.FetchOffsets(ctx, group)
	if err != nil {
		if isUnknownGroup(err) {
			return kadm.Offsets{}, nil
		}
		return nil, err
	}
	offsets := kadm.Offsets{}
	for _, a := range answers.Sorted() {
		if a.Err != nil {
			return nil, refusal("partition", partition{a.Topic, a.Partition}.String(), a.Err, "")
		}
		if a.At >= 0 {
			offsets.Add(a.Offset)
		}
	}
	return offsets, nil
}

func (s *session) printGroup(g *groupInfo) {
	fmt.Fprintf(s.out, "group %s  %s  %s  %s  coordinator %d  lag %d\n",
		g.Group, g.State, g.Type, count(len(g.Members), "member"), g.Coordinator, g.TotalLag)
	if len(g.Members) > 0 {
		fmt.Fprintln(s.out)
		t := newTable("MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS>")
		for _, m := range g.Members {
			t.add(m.MemberID, orEmpty(m.InstanceID), m.ClientID, m.Host, len(m.Partitions))
		}
		t.print(s.out)
	}
	if len(g.Offsets) == 0 {
		return
	}
	fmt.Fprintln(s.out)
	t := newTable("TOPIC", "PARTITION>", "COMMITTED>", "END>", "LAG>", "MEMBER")
	for _, o := range g.Offsets {
		t.add(o.Topic, o.Partition, number(o.Committed), number(o.End), number(o.Lag), o.MemberID)
	}
	t.print(s.out)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
