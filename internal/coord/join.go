package coord

import (
	"encoding/binary"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// Joined is the answer to a JoinGroup.
type Joined struct {
	Kind         base.Kind
	MemberID     string // also with MEMBER_ID_REQUIRED
	Generation   int32  // -1 if refused
	ProtocolType *string
	Protocol     *string
	Leader       string // "": none, as the next round is prepared already
	// SkipAssignment: the leader is not to assign anew (version 9, KIP-814).
	SkipAssignment bool
	Members        []group.JoinMember // for the leader
}

// Synced is the answer to a SyncGroup.
type Synced struct {
	Kind         base.Kind
	ProtocolType *string
	Protocol     *string
	Assignment   []byte
}

// skipAssignmentFrom is the version of JoinGroup that can tell a leader not to assign (KIP-814).
const skipAssignmentFrom = 9

// Join answers a JoinGroup of that version, whose NewID and Tender are filled in here, once the member is in a
// generation. The future does not fail. A caller that sets it first, because the client is gone, need not wait.
func (c *Coord) Join(q group.Join, version int16) *env.Future[Joined] {
	f := env.NewFuture[Joined](c.env)
	if q.Tender = c.journal.Self(); q.Tender == 0 {
		f.Set(Joined{Kind: base.CoordinatorNotAvailable, MemberID: q.MemberID, Generation: -1}, nil)
		return f
	}
	if q.MemberID == "" {
		q.NewID = c.newMemberID(&q)
	}
	c.touch(q.Group, q.MemberID)
	c.ask(&q, func(v meta.View, r group.Reply) {
		switch {
		case v == nil:
			f.Set(Joined{Kind: r.Kind, MemberID: q.MemberID, Generation: -1}, nil)
		case r.Kind != base.OK:
			f.Set(Joined{Kind: r.Kind, MemberID: r.MemberID, Generation: -1}, nil)
		case r.Unchanged:
			f.Set(unchanged(v.Groups.Get(q.Group), &r, version), nil)
		default:
			c.await(v, &waiter{group: q.Group, look: func(g *group.Group) bool { return lookJoin(f, g, r.MemberID, q.InstanceID) },
				fail: func() { f.Set(Joined{Kind: base.CoordinatorNotAvailable, MemberID: r.MemberID, Generation: -1}, nil) }})
		}
	})
	return f
}

// newMemberID makes an id as Kafka does: the instance id or client id, and a UUID.
func (c *Coord) newMemberID(q *group.Join) string {
	prefix := q.ClientID
	if q.InstanceID != nil {
		prefix = *q.InstanceID
	}
	var random [16]byte
	binary.BigEndian.PutUint64(random[:], c.env.Uint64())
	binary.BigEndian.PutUint64(random[8:], c.env.Uint64())
	return group.NewMemberID(q.Group, prefix, c.journal.Now(), random)
}

// lookJoin answers a joiner if the group has come to an answer, or if nobody waits for one, and reports whether it did.
func lookJoin(f *env.Future[Joined], g *group.Group, id string, instance *string) bool {
	if f.Done() {
		return true
	}
	kind, done := g.JoinOutcome(id, instance)
	switch {
	case !done:
		return false
	case kind != base.OK:
		f.Set(Joined{Kind: kind, MemberID: id, Generation: -1}, nil)
	default:
		f.Set(inGeneration(g, id), nil)
	}
	return true
}

func inGeneration(g *group.Group, id string) Joined {
	j := Joined{MemberID: id, Generation: g.Generation, ProtocolType: g.ProtocolType, Protocol: g.Protocol, Leader: g.Assigner()}
	if plant.LeftOut(plant.OneLeader) {
		j.Leader = id
	}
	if j.Leader == id {
		j.Members = g.JoinMembers()
	}
	return j
}

// unchanged answers a static member that took its place again without a rebalance.
func unchanged(g *group.Group, r *group.Reply, version int16) Joined {
	if g.Member(r.MemberID) == nil { // replaced again within the same entry
		return Joined{Kind: base.FencedInstanceID, MemberID: r.MemberID, Generation: -1}
	}
	j := inGeneration(g, r.MemberID)
	if version < skipAssignmentFrom {
		j.Leader, j.Members = r.LeaderBefore, nil
	}
	j.SkipAssignment = j.Leader == r.MemberID
	return j
}

// Sync answers a SyncGroup, whose Tender is filled in here, once the leader has assigned. The future does not fail. A
// caller that sets it first, because the client is gone, need not wait.
func (c *Coord) Sync(q group.Sync) *env.Future[Synced] {
	f := env.NewFuture[Synced](c.env)
	if q.Tender = c.journal.Self(); q.Tender == 0 {
		f.Set(Synced{Kind: base.CoordinatorNotAvailable}, nil)
		return f
	}
	c.touch(q.Group, q.MemberID)
	c.ask(&q, func(v meta.View, r group.Reply) {
		if r.Kind != base.OK {
			f.Set(Synced{Kind: r.Kind}, nil)
			return
		}
		c.await(v, &waiter{group: q.Group, look: func(g *group.Group) bool { return lookSync(f, g, &q) },
			fail: func() { f.Set(Synced{Kind: base.CoordinatorNotAvailable}, nil) }})
	})
	return f
}

func lookSync(f *env.Future[Synced], g *group.Group, q *group.Sync) bool {
	if f.Done() {
		return true
	}
	kind, done := g.SyncOutcome(q.MemberID, q.InstanceID, q.Generation)
	switch {
	case !done:
		return false
	case kind != base.OK:
		f.Set(Synced{Kind: kind}, nil)
	default:
		f.Set(Synced{ProtocolType: g.ProtocolType, Protocol: g.Protocol, Assignment: g.Member(q.MemberID).Assignment}, nil)
	}
	return true
}
