package group

import (
	"fmt"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

var kindNames = map[base.Kind]string{
	base.OK: "OK", base.UnknownServerError: "UNKNOWN_SERVER_ERROR", base.UnknownTopicOrPartition: "UNKNOWN_TOPIC_OR_PARTITION",
	base.OffsetMetadataTooLarge: "OFFSET_METADATA_TOO_LARGE", base.NotCoordinator: "NOT_COORDINATOR",
	base.IllegalGeneration: "ILLEGAL_GENERATION", base.InconsistentGroupProtocol: "INCONSISTENT_GROUP_PROTOCOL",
	base.InvalidGroupID: "INVALID_GROUP_ID", base.UnknownMemberID: "UNKNOWN_MEMBER_ID",
	base.InvalidSessionTimeout: "INVALID_SESSION_TIMEOUT", base.RebalanceInProgress: "REBALANCE_IN_PROGRESS",
	base.NonEmptyGroup: "NON_EMPTY_GROUP", base.GroupIDNotFound: "GROUP_ID_NOT_FOUND", base.MemberIDRequired: "MEMBER_ID_REQUIRED",
	base.GroupMaxSizeReached: "GROUP_MAX_SIZE_REACHED", base.FencedInstanceID: "FENCED_INSTANCE_ID",
	base.GroupSubscribedToTopic: "GROUP_SUBSCRIBED_TO_TOPIC",
}

func kindName(k base.Kind) string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", k)
}

func replyText(r Reply) string {
	var b strings.Builder
	b.WriteString(kindName(r.Kind))
	if r.Wait {
		b.WriteString(" wait")
	}
	if r.MemberID != "" {
		fmt.Fprintf(&b, " member=%s", r.MemberID)
	}
	if r.Unchanged {
		fmt.Fprintf(&b, " unchanged leader-before=%s", r.LeaderBefore)
	}
	for _, k := range r.Parts {
		fmt.Fprintf(&b, " %s", kindName(k))
	}
	return b.String() + "\n"
}

func orNone(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}

func eventText(ev Event) string {
	switch e := ev.(type) {
	case *MemberPut:
		return fmt.Sprintf("MemberPut %s joined=%v tender=%d", e.ID, e.Joined, e.Tender)
	case *MemberReplaced:
		return fmt.Sprintf("MemberReplaced %s by %s", e.OldID, e.NewID)
	case *MembersRemoved:
		return fmt.Sprintf("MembersRemoved %s", strings.Join(e.IDs, " "))
	case *RoundBegun:
		return fmt.Sprintf("RoundBegun deadline=+%d delay=%d remaining=%d", e.Deadline-e.At, e.Delay, e.Remaining)
	case *RoundExtended:
		return fmt.Sprintf("RoundExtended delay=%d remaining=%d", e.Delay, e.Remaining)
	case *RoundCompleted:
		return fmt.Sprintf("RoundCompleted generation=%d protocol=%s leader=%s", e.Generation, orNone(e.Protocol), e.Leader)
	case *MemberSynced:
		return "MemberSynced " + e.MemberID
	case *Assigned:
		text := "Assigned"
		for _, a := range e.Assignments {
			text += fmt.Sprintf(" %s:%s", a.MemberID, a.Bytes)
		}
		return text
	case *Adopted:
		return fmt.Sprintf("Adopted by %d: %s", e.Tender, strings.Join(e.IDs, " "))
	}
	return offsetEventText(ev)
}

func offsetEventText(ev Event) string {
	switch e := ev.(type) {
	case *OffsetsCommitted:
		text := "OffsetsCommitted"
		for _, p := range e.Offsets {
			text += fmt.Sprintf(" %s:%d:%d", topicName(p.Topic), p.Partition, p.Offset)
		}
		return text
	case *OffsetsRemoved:
		text := "OffsetsRemoved"
		for _, p := range e.Places {
			text += fmt.Sprintf(" %s:%d", topicName(p.Topic), p.Partition)
		}
		return text
	case *GroupDeleted:
		return "GroupDeleted"
	case *TopicForgotten:
		return "TopicForgotten " + topicName(e.Topic)
	}
	return fmt.Sprintf("%T", ev)
}

func show(g *Group) string {
	var b strings.Builder
	if b.WriteString(g.State()); g == nil {
		return b.String() + "\n"
	}
	fmt.Fprintf(&b, " generation=%d type=%s protocol=%s leader=%s\n", g.Generation, orNone(g.ProtocolType), orNone(g.Protocol), g.Leader)
	for _, m := range g.Members() {
		fmt.Fprintf(&b, "  %s instance=%s client=%s tender=%d new=%v joined=%v synced=%v assignment=%q\n",
			m.ID, orNone(m.InstanceID), m.ClientID, m.Tender, m.New, m.Joined, m.Synced, m.Assignment)
	}
	for o := range g.Offsets() {
		fmt.Fprintf(&b, "  %s:%d at %d epoch %d %q\n", topicName(o.Topic), o.Partition, o.Offset.Offset, o.LeaderEpoch, o.Metadata)
	}
	return b.String()
}

// joined prints the answer to a join as a client gets it.
func (s *story) joined(g *Group, kind base.Kind, done bool) string {
	if kind != base.OK || !done {
		return fmt.Sprintf("%s done=%v\n", kindName(kind), done)
	}
	text := fmt.Sprintf("OK done=true generation=%d protocol=%s leader=%s members:", g.Generation, orNone(g.Protocol), g.Assigner())
	if g.Assigner() == s.id(s.arg(1)) {
		for _, m := range g.JoinMembers() {
			text += " " + m.MemberID
		}
	}
	return text + "\n"
}
