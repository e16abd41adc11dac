package group

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// Tags of events. 64–127 are this room's.
const (
	tagMemberPut uint8 = 64 + iota
	tagMemberReplaced
	tagMembersRemoved
	tagRoundBegun
	tagRoundExtended
	tagRoundCompleted
	tagMemberSynced
	tagAssigned
	tagAdopted
	tagOffsetsCommitted
	tagOffsetsRemoved
	tagGroupDeleted
	tagTopicForgotten
)

// Event is a decided fact. The concrete types are the structs of this package.
type Event interface {
	Tag() uint8
	Encode(*codec.Writer)
	decode(*codec.Reader)
}

// groupEvent is an event of one group. apply changes g, which tok owns, or returns why the event does not fit, and then
// changes nothing.
type groupEvent interface {
	Event
	group() string
	apply(g *Group, tok *token) error
}

func newEvent(tag uint8) Event {
	switch tag {
	case tagMemberPut:
		return &MemberPut{}
	case tagMemberReplaced:
		return &MemberReplaced{}
	case tagMembersRemoved:
		return &MembersRemoved{}
	case tagRoundBegun:
		return &RoundBegun{}
	case tagRoundExtended:
		return &RoundExtended{}
	case tagRoundCompleted:
		return &RoundCompleted{}
	case tagMemberSynced:
		return &MemberSynced{}
	case tagAssigned:
		return &Assigned{}
	case tagAdopted:
		return &Adopted{}
	case tagOffsetsCommitted:
		return &OffsetsCommitted{}
	case tagOffsetsRemoved:
		return &OffsetsRemoved{}
	case tagGroupDeleted:
		return &GroupDeleted{}
	case tagTopicForgotten:
		return &TopicForgotten{}
	}
	return nil
}

// DecodeEvent reads the event that Encode wrote, and all of r. Byte slices of the event share r's memory; Apply copies
// what it keeps. An error is of kind UnsupportedVersion for a tag this build does not know, else CorruptMessage.
func DecodeEvent(tag uint8, r *codec.Reader) (Event, error) {
	e := newEvent(tag)
	if e == nil {
		return nil, base.Errorf(base.UnsupportedVersion, "group: event tag %d is not known to this version", tag)
	}
	e.decode(r)
	if err := r.Done(); err != nil {
		return nil, base.Errorf(base.CorruptMessage, "group: event with tag %d: %w", tag, err)
	}
	return e, nil
}

// MemberPut adds a member to the group, which it makes if there is none, or changes one. The member has joined the
// round that is, or is about to be, prepared, unless Joined is false.
type MemberPut struct {
	Group              string
	At                 base.Millis
	ProtocolType       string // taken over when the group has no members
	ID                 string
	InstanceID         *string
	ClientID           string
	ClientHost         string
	SessionTimeoutMs   int32
	RebalanceTimeoutMs int32
	Protocols          []Protocol
	Tender             base.Incarnation
	Joined             bool
}

// MemberReplaced gives a static member a new id, which fences the old one; all else stays.
type MemberReplaced struct{ Group, OldID, NewID string }

// MembersRemoved removes members. A leader among them hands over to the first member that is left.
type MembersRemoved struct {
	Group string
	IDs   []string
}

// RoundBegun starts a join round: the group is Preparing until all members have joined, or Deadline. Assignments of a
// generation that was not Stable yet are void.
type RoundBegun struct {
	Group    string
	At       base.Millis
	Deadline base.Millis
	// Delay and Remaining are of the initial delay; Remaining is -1 in a round that does not begin in Empty.
	Delay, Remaining base.Millis
}

// RoundExtended puts the end of a join round off.
type RoundExtended struct {
	Group            string
	Deadline         base.Millis
	Delay, Remaining base.Millis
}

// RoundCompleted ends a join round with the next generation: Completing, with the protocol and leader chosen and time to
// sync until Deadline; or, when nobody is left, Empty (Protocol nil, Leader "", Deadline -1).
type RoundCompleted struct {
	Group      string
	At         base.Millis
	Generation int32
	Protocol   *string
	Leader     string
	Deadline   base.Millis
}

// MemberSynced says that a follower has synced in this generation.
type MemberSynced struct{ Group, MemberID string }

// Assigned brings the leader's assignments: the group is Stable. Members that are not named get nothing.
type Assigned struct {
	Group       string
	At          base.Millis
	Assignments []Assignment
}

// Adopted gives members a new tender.
type Adopted struct {
	Group  string
	Tender base.Incarnation
	IDs    []string
}

// OffsetsCommitted stores offsets, in a group that it makes if there is none.
type OffsetsCommitted struct {
	Group   string
	At      base.Millis
	Expires base.Millis // of all of them; -1: by the cluster's rule
	Offsets []CommitPartition
}

// OffsetPlace names a committed offset of a group.
type OffsetPlace struct {
	Topic     base.TopicID
	Partition int32
}

// OffsetsRemoved removes offsets.
type OffsetsRemoved struct {
	Group  string
	Places []OffsetPlace
}

// GroupDeleted removes a group with all it holds.
type GroupDeleted struct{ Group string }

// TopicForgotten removes the offsets of a deleted topic from all groups.
type TopicForgotten struct{ Topic base.TopicID }

func (*MemberPut) Tag() uint8        { return tagMemberPut }
func (*MemberReplaced) Tag() uint8   { return tagMemberReplaced }
func (*MembersRemoved) Tag() uint8   { return tagMembersRemoved }
func (*RoundBegun) Tag() uint8       { return tagRoundBegun }
func (*RoundExtended) Tag() uint8    { return tagRoundExtended }
func (*RoundCompleted) Tag() uint8   { return tagRoundCompleted }
func (*MemberSynced) Tag() uint8     { return tagMemberSynced }
func (*Assigned) Tag() uint8         { return tagAssigned }
func (*Adopted) Tag() uint8          { return tagAdopted }
func (*OffsetsCommitted) Tag() uint8 { return tagOffsetsCommitted }
func (*OffsetsRemoved) Tag() uint8   { return tagOffsetsRemoved }
func (*GroupDeleted) Tag() uint8     { return tagGroupDeleted }
func (*TopicForgotten) Tag() uint8   { return tagTopicForgotten }

func (e *MemberPut) group() string        { return e.Group }
func (e *MemberReplaced) group() string   { return e.Group }
func (e *MembersRemoved) group() string   { return e.Group }
func (e *RoundBegun) group() string       { return e.Group }
func (e *RoundExtended) group() string    { return e.Group }
func (e *RoundCompleted) group() string   { return e.Group }
func (e *MemberSynced) group() string     { return e.Group }
func (e *Assigned) group() string         { return e.Group }
func (e *Adopted) group() string          { return e.Group }
func (e *OffsetsCommitted) group() string { return e.Group }
func (e *OffsetsRemoved) group() string   { return e.Group }
func (e *GroupDeleted) group() string     { return e.Group }
