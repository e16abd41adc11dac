package group

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// CommitPartition is the offset a group commits for a partition.
type CommitPartition struct {
	Topic       base.TopicID
	Partition   int32
	Offset      int64
	LeaderEpoch int32  // -1: not known
	Metadata    string // null is ""
}

// OffsetCommit stores offsets (OffsetCommit). Reply: Kind for the whole request, and a part for each partition.
type OffsetCommit struct {
	Group      string
	MemberID   string
	InstanceID *string
	Generation int32 // negative: not a member (simple consumer, admin client)
	// RetentionMs is the time after which the offsets expire whatever the group does; -1: the cluster's rule
	// (versions 2–4 only; later ones pass -1).
	RetentionMs int64
	// APIVersion decides the error for a group that does not exist: GROUP_ID_NOT_FOUND from 9 on (KIP-848).
	APIVersion int16
	Partitions []CommitPartition

	// Since is the slot of the View that the request came to, by which control tells whether it was overtaken; 0: not known. It does not
	// decide what comes of the command, and is not in its encoding.
	Since base.Slot
}

// DeletePartition names a partition whose offset goes. TopicName is compared with the members' subscriptions.
type DeletePartition struct {
	Topic     base.TopicID
	TopicName string
	Partition int32
}

// OffsetDelete removes offsets of topics the group does not subscribe to (OffsetDelete, KIP-496). Reply: Kind for the
// whole request, and a part for each partition. A partition without an offset is no error.
type OffsetDelete struct {
	Group      string
	Partitions []DeletePartition
}

// ForgetTopic removes a deleted topic's offsets from all groups.
type ForgetTopic struct{ Topic base.TopicID }

// TopicName is a topic's id with its name.
type TopicName struct {
	Topic base.TopicID
	Name  string
}

// ExpireOffsets removes the offsets of a group that are past their retention, and the group with the last of them when
// it is empty. Topics names the topics that may be looked at while the group has members: offsets of subscribed topics
// stay. An empty group needs none.
type ExpireOffsets struct {
	Group  string
	Topics []TopicName
}

func (*OffsetCommit) Tag() uint8  { return tagOffsetCommit }
func (*OffsetDelete) Tag() uint8  { return tagOffsetDelete }
func (*ForgetTopic) Tag() uint8   { return tagForgetTopic }
func (*ExpireOffsets) Tag() uint8 { return tagExpireOffsets }

func (c *OffsetCommit) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.String(c.MemberID)
	putOpt(w, c.InstanceID)
	w.Varint(int64(c.Generation))
	w.Varint(c.RetentionMs)
	w.Uint16(uint16(c.APIVersion))
	putCommits(w, c.Partitions)
}

func (c *OffsetCommit) decode(r *codec.Reader) {
	c.Group = r.String()
	c.MemberID = r.String()
	c.InstanceID = getOpt(r)
	c.Generation = getInt32(r)
	c.RetentionMs = r.Varint()
	c.APIVersion = int16(r.Uint16())
	c.Partitions = getCommits(r)
}

func (c *OffsetDelete) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.Uvarint(uint64(len(c.Partitions)))
	for _, p := range c.Partitions {
		w.Raw(p.Topic[:])
		w.String(p.TopicName)
		w.Uint32(uint32(p.Partition))
	}
}

func (c *OffsetDelete) decode(r *codec.Reader) {
	c.Group = r.String()
	c.Partitions = getList(r, 21, func() (p DeletePartition) {
		r.Fixed(p.Topic[:])
		p.TopicName = r.String()
		p.Partition = int32(r.Uint32())
		return p
	})
}

func (c *ForgetTopic) Encode(w *codec.Writer) { w.Raw(c.Topic[:]) }
func (c *ForgetTopic) decode(r *codec.Reader) { r.Fixed(c.Topic[:]) }

func (c *ExpireOffsets) Encode(w *codec.Writer) {
	w.String(c.Group)
	w.Uvarint(uint64(len(c.Topics)))
	for _, t := range c.Topics {
		w.Raw(t.Topic[:])
		w.String(t.Name)
	}
}

func (c *ExpireOffsets) decode(r *codec.Reader) {
	c.Group = r.String()
	c.Topics = getList(r, 17, func() (t TopicName) {
		r.Fixed(t.Topic[:])
		t.Name = r.String()
		return t
	})
}
