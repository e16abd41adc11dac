package group

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// Tags of commands. 64–127 are this room's.
const (
	tagJoin uint8 = 64 + iota
	tagSync
	tagLeave
	tagTick
	tagExpireMember
	tagAdopt
	tagOffsetCommit
	tagOffsetDelete
	tagDeleteGroup
	tagForgetTopic
	tagExpireOffsets
)

// Command is something that is asked of the state machine. The concrete types are the structs of this package.
type Command interface {
	Tag() uint8
	Encode(*codec.Writer)
	decode(*codec.Reader)
	decide(*decider)
}

// newCommand gives an empty command of a tag, or nil.
func newCommand(tag uint8) Command {
	switch tag {
	case tagJoin:
		return &Join{}
	case tagSync:
		return &Sync{}
	case tagLeave:
		return &Leave{}
	case tagTick:
		return &Tick{}
	case tagExpireMember:
		return &ExpireMember{}
	case tagAdopt:
		return &Adopt{}
	case tagOffsetCommit:
		return &OffsetCommit{}
	case tagOffsetDelete:
		return &OffsetDelete{}
	case tagDeleteGroup:
		return &DeleteGroup{}
	case tagForgetTopic:
		return &ForgetTopic{}
	case tagExpireOffsets:
		return &ExpireOffsets{}
	}
	return nil
}

// DecodeCommand reads the command that Encode wrote, and all of r. Byte slices of the command share r's memory. An
// error is of kind UnsupportedVersion for a tag this build does not know, else CorruptMessage.
func DecodeCommand(tag uint8, r *codec.Reader) (Command, error) {
	c := newCommand(tag)
	if c == nil {
		return nil, base.Errorf(base.UnsupportedVersion, "group: command tag %d is not known to this version", tag)
	}
	c.decode(r)
	if err := r.Done(); err != nil {
		return nil, base.Errorf(base.CorruptMessage, "group: command with tag %d: %w", tag, err)
	}
	return c, nil
}

// Protocol is an assignment protocol a member supports, with what it tells the group's leader.
type Protocol struct {
	Name     string
	Metadata []byte
}

// Join asks to be a member of a group in its next generation (JoinGroup, KIP-62, KIP-345, KIP-394).
//
// Reply: Kind, MemberID; with OK either Wait, then Group.JoinOutcome; or at once, with Unchanged and LeaderBefore, from
// Group.JoinOutcome of the State that has the command's events. MEMBER_ID_REQUIRED never has events, and is no refusal that
// would need a barrier.
type Join struct {
	Group    string
	MemberID string // "" asks for a new one
	// NewID is the id, made by NewMemberID, that the member gets if it needs one. Not used when MemberID is set.
	NewID string
	// RequireKnownID: a dynamic member without id is told NewID and to ask again (version ≥ 4, KIP-394).
	RequireKnownID     bool
	InstanceID         *string
	ClientID           string
	ClientHost         string
	ProtocolType       string
	Protocols          []Protocol // in the member's order of preference
	SessionTimeoutMs   int32
	RebalanceTimeoutMs int32            // versions without it: the session timeout
	Tender             base.Incarnation // the agent that the request came to
}

// Assignment is what the leader gives to a member.
type Assignment struct {
	MemberID string
	Bytes    []byte
}

// Sync brings the leader's assignments, or asks for the member's own (SyncGroup).
//
// Reply: Kind; with OK either Wait or not, then Group.SyncOutcome.
type Sync struct {
	Group        string
	MemberID     string
	InstanceID   *string
	Generation   int32
	ProtocolType *string // nil below version 5
	Protocol     *string // nil below version 5
	Assignments  []Assignment
	Tender       base.Incarnation // the agent that the request came to
}

// Leaver is one member that leaves: by its id, or, with an empty id, by its instance id.
type Leaver struct {
	MemberID   string
	InstanceID *string
}

// Leave removes members (LeaveGroup). Reply: Kind, and a part for each leaver; below version 3 the part is the answer.
type Leave struct {
	Group   string
	Members []Leaver
}

// Tick says that a deadline of a group (State.Due) has passed. Early and stale ones are refused harmlessly: no events.
type Tick struct {
	Group    string
	Deadline base.Millis
}

// ExpireMember removes a member whose session ended. It is believed only from the member's tender, in the generation the
// tender saw, and not while the member waits for a round to end. Reply: Kind; NotCoordinator when By is not the tender,
// IllegalGeneration, UnknownMemberID, or RebalanceInProgress when it waits.
type ExpireMember struct {
	Group      string
	MemberID   string
	Generation int32
	By         base.Incarnation
}

// Adopt makes NewTender the tender of one member, or, with an empty MemberID, of all members of the group that OldTender
// tends. It is granted when OldTender is not live any more, or when NewTender has Heard a request of that one member.
// NewTender grants a full session. Reply: Kind; NotCoordinator when refused.
type Adopt struct {
	Group     string
	MemberID  string
	OldTender base.Incarnation
	NewTender base.Incarnation
	Heard     bool
}

// DeleteGroup removes an empty group and its offsets (DeleteGroups). Reply: Kind.
type DeleteGroup struct{ Group string }

func (*Join) Tag() uint8         { return tagJoin }
func (*Sync) Tag() uint8         { return tagSync }
func (*Leave) Tag() uint8        { return tagLeave }
func (*Tick) Tag() uint8         { return tagTick }
func (*ExpireMember) Tag() uint8 { return tagExpireMember }
func (*Adopt) Tag() uint8        { return tagAdopt }
func (*DeleteGroup) Tag() uint8  { return tagDeleteGroup }

func (c *Join) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.String(c.MemberID)
	w.String(c.NewID)
	w.Bool(c.RequireKnownID)
	putOpt(w, c.InstanceID)
	w.String(c.ClientID)
	w.String(c.ClientHost)
	w.String(c.ProtocolType)
	putProtocols(w, c.Protocols)
	w.Varint(int64(c.SessionTimeoutMs))
	w.Varint(int64(c.RebalanceTimeoutMs))
	w.Uint32(uint32(c.Tender))
}

func (c *Join) decode(r *codec.Reader) {
	c.Group = r.String()
	c.MemberID = r.String()
	c.NewID = r.String()
	c.RequireKnownID = r.Bool()
	c.InstanceID = getOpt(r)
	c.ClientID = r.String()
	c.ClientHost = r.String()
	c.ProtocolType = r.String()
	c.Protocols = getProtocols(r)
	c.SessionTimeoutMs = getInt32(r)
	c.RebalanceTimeoutMs = getInt32(r)
	c.Tender = base.Incarnation(r.Uint32())
}

func (c *Sync) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.String(c.MemberID)
	putOpt(w, c.InstanceID)
	w.Varint(int64(c.Generation))
	putOpt(w, c.ProtocolType)
	putOpt(w, c.Protocol)
	putAssignments(w, c.Assignments)
	w.Uint32(uint32(c.Tender))
}

func (c *Sync) decode(r *codec.Reader) {
	c.Group = r.String()
	c.MemberID = r.String()
	c.InstanceID = getOpt(r)
	c.Generation = getInt32(r)
	c.ProtocolType = getOpt(r)
	c.Protocol = getOpt(r)
	c.Assignments = getAssignments(r)
	c.Tender = base.Incarnation(r.Uint32())
}

func (c *Leave) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.Uvarint(uint64(len(c.Members)))
	for _, m := range c.Members {
		w.String(m.MemberID)
		putOpt(w, m.InstanceID)
	}
}

func (c *Leave) decode(r *codec.Reader) {
	c.Group = r.String()
	c.Members = getList(r, 2, func() Leaver { return Leaver{MemberID: r.String(), InstanceID: getOpt(r)} })
}

func (c *Tick) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.Varint(int64(c.Deadline))
}

func (c *Tick) decode(r *codec.Reader) {
	c.Group = r.String()
	c.Deadline = base.Millis(r.Varint())
}

func (c *ExpireMember) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.String(c.MemberID)
	w.Varint(int64(c.Generation))
	w.Uint32(uint32(c.By))
}

func (c *ExpireMember) decode(r *codec.Reader) {
	c.Group = r.String()
	c.MemberID = r.String()
	c.Generation = getInt32(r)
	c.By = base.Incarnation(r.Uint32())
}

func (c *Adopt) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.String(c.MemberID)
	w.Uint32(uint32(c.OldTender))
	w.Uint32(uint32(c.NewTender))
	w.Bool(c.Heard)
}

func (c *Adopt) decode(r *codec.Reader) {
	c.Group = r.String()
	c.MemberID = r.String()
	c.OldTender = base.Incarnation(r.Uint32())
	c.NewTender = base.Incarnation(r.Uint32())
	c.Heard = r.Bool()
}

func (c *DeleteGroup) Encode(w *codec.Writer) { w.String(c.Group) }
func (c *DeleteGroup) decode(r *codec.Reader) { c.Group = r.String() }
