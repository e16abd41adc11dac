package group

import (
	"iter"
	"sort"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/tidwall/btree"
)

// Phase is where a group stands in its life.
type Phase uint8

// The phases. A group that does not exist is Dead.
const (
	Empty      Phase = iota // no members; may hold offsets
	Preparing               // members are asked to join; ends at Deadline
	Completing              // members know the generation; the leader's assignments are awaited
	Stable                  // members have their assignments
	Dead
)

var phaseNames = [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}

// String is the name Kafka's ListGroups and DescribeGroups use.
func (p Phase) String() string { return phaseNames[min(p, Dead)] }

// Group is a consumer group as a State holds it. Outside this package it is only read, and one that was read from a
// published State never changes.
type Group struct {
	Name  string
	Phase Phase
	// Since is when the group entered its phase.
	Since base.Millis
	// Generation counts finished join rounds. It is the generation of the members that have not Joined the next one.
	Generation int32
	// ProtocolType is nil until the first member joins; Protocol is nil while Empty and before the first generation.
	ProtocolType *string
	Protocol     *string
	// Leader is the leader's member id; "" exactly when there are no members.
	Leader string
	// Deadline is when a Tick is due: in Preparing the end of the join round; in Completing and Stable the end of the
	// time to sync, if a member has not; else none (-1).
	Deadline base.Millis

	// initial: this Preparing began in Empty, so the round ends only by its deadline, which joiners put off
	// (group.initial.rebalance.delay.ms). delay is the last span waited, remaining what may still be added.
	initial, joinedSince bool
	delay, remaining     base.Millis

	members []*Member          // by ID
	tenders []base.Incarnation // distinct tenders of members, ascending
	offsets *btree.Map[string, Offset]

	edit, offsetsEdit *token // who may change this value, and the tree of offsets, in place
}

// Member is a member of a group. Outside this package it is only read.
type Member struct {
	ID         string
	InstanceID *string // nil: a dynamic member
	ClientID   string
	ClientHost string
	// SessionTimeoutMs is how long the member may be silent; RebalanceTimeoutMs how long it may take to rejoin and to sync.
	SessionTimeoutMs   int32
	RebalanceTimeoutMs int32
	Protocols          []Protocol
	Assignment         []byte
	// Tender is the agent that hears the member's heartbeats.
	Tender base.Incarnation
	// New: it has not been in a generation yet, so it cannot heartbeat: NewMemberJoinTimeoutMs takes the session's place.
	New bool
	// Joined: it has joined the round that is being prepared. Synced: it has synced in this generation.
	Joined, Synced bool

	edit *token
}

// NewMemberJoinTimeoutMs is how long a New member may wait for its first generation without joining again. Kafka's
// brokers have the same bound.
const NewMemberJoinTimeoutMs = 5 * 60 * 1000

// Metadata gives what the member tells the leader under a protocol; nil if it does not support it.
func (m *Member) Metadata(protocol string) []byte {
	for _, p := range m.Protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

// State is the phase's name as Kafka prints it; "Dead" for nil.
func (g *Group) State() string {
	if g == nil {
		return Dead.String()
	}
	return g.Phase.String()
}

// Members gives the members by id. The slice is not to be changed.
func (g *Group) Members() []*Member {
	if g == nil {
		return nil
	}
	return g.members
}

// Member gives a member, or nil.
func (g *Group) Member(id string) *Member {
	if g == nil {
		return nil
	}
	if i, ok := g.find(id); ok {
		return g.members[i]
	}
	return nil
}

// Static gives the member with an instance id, or nil.
func (g *Group) Static(instance string) *Member {
	if g == nil {
		return nil
	}
	for _, m := range g.members {
		if m.InstanceID != nil && *m.InstanceID == instance {
			return m
		}
	}
	return nil
}

// Offset is a committed offset.
type Offset struct {
	Offset      int64
	LeaderEpoch int32 // -1: not known
	Metadata    string
	Committed   base.Millis
	Expires     base.Millis // negative: by the cluster's rule
}

// Offset gives the committed offset of a partition.
func (g *Group) Offset(topic base.TopicID, partition int32) (Offset, bool) {
	if g == nil || g.offsets == nil {
		return Offset{}, false
	}
	return g.offsets.Get(offsetKey(topic, partition))
}

// PartitionOffset is a committed offset with its place.
type PartitionOffset struct {
	Topic     base.TopicID
	Partition int32
	Offset
}

// Offsets gives all committed offsets by topic id and partition.
func (g *Group) Offsets() iter.Seq[PartitionOffset] {
	return func(yield func(PartitionOffset) bool) {
		if g == nil || g.offsets == nil {
			return
		}
		g.offsets.Scan(func(key string, o Offset) bool {
			topic, partition := splitOffsetKey(key)
			return yield(PartitionOffset{topic, partition, o})
		})
	}
}

// OffsetCount is the number of committed offsets.
func (g *Group) OffsetCount() int {
	if g == nil || g.offsets == nil {
		return 0
	}
	return g.offsets.Len()
}

// find gives the place of a member, or where it would be.
func (g *Group) find(id string) (int, bool) {
	i := sort.Search(len(g.members), func(i int) bool { return g.members[i].ID >= id })
	return i, i < len(g.members) && g.members[i].ID == id
}

// rebalanceTimeout is the longest of the members'.
func (g *Group) rebalanceTimeout() base.Millis {
	longest := base.Millis(0)
	for _, m := range g.members {
		longest = max(longest, base.Millis(m.RebalanceTimeoutMs))
	}
	return longest
}

func (g *Group) joinedCount() int {
	n := 0
	for _, m := range g.members {
		if m.Joined {
			n++
		}
	}
	return n
}

func (g *Group) allJoined() bool { return g.joinedCount() == len(g.members) }

func (g *Group) allSynced() bool {
	for _, m := range g.members {
		if !m.Synced {
			return false
		}
	}
	return true
}

func (g *Group) isConsumer() bool { return g.ProtocolType != nil && *g.ProtocolType == "consumer" }

// offsetKey orders offsets by topic id and partition.
func offsetKey(topic base.TopicID, partition int32) string {
	p := uint32(partition)
	return string(append(topic[:], byte(p>>24), byte(p>>16), byte(p>>8), byte(p)))
}

func splitOffsetKey(key string) (topic base.TopicID, partition int32) {
	n := copy(topic[:], key)
	for ; n < len(key); n++ {
		partition = partition<<8 | int32(key[n])
	}
	return topic, partition
}
