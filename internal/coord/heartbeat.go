package coord

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// Beat is a heartbeat of a member.
type Beat struct {
	Group      string
	MemberID   string
	InstanceID *string
	Generation int32
}

// adoptTries bounds how often an adoption is asked for before the client is told to try again: each try that fails
// means that another agent took the member at that moment.
const adoptTries = 3

// Heartbeat answers a heartbeat: OK or REBALANCE_IN_PROGRESS by the View alone, anything else after a barrier. A member
// that another agent tends is adopted first. The future does not fail.
func (c *Coord) Heartbeat(b Beat) *env.Future[base.Kind] {
	f := env.NewFuture[base.Kind](c.env)
	if b.Group == "" {
		f.Set(base.InvalidGroupID, nil)
		return f
	}
	v := c.journal.View()
	if heard(b.check(v)) {
		c.hear(f, v, b, adoptTries)
		return f
	}
	c.afterBarrier(func(v meta.View, _ error) { c.hearIf(f, v, b, adoptTries) })
	return f
}

// hearIf answers a heartbeat by a View that is new enough to refuse it; nil if there is none.
func (c *Coord) hearIf(f *env.Future[base.Kind], v meta.View, b Beat, tries int) {
	if kind := b.check(v); !heard(kind) {
		f.Set(kind, nil)
		return
	}
	c.hear(f, v, b, tries)
}

func (b *Beat) check(v meta.View) base.Kind {
	if v == nil {
		return base.CoordinatorNotAvailable
	}
	return v.Groups.Get(b.Group).CheckHeartbeat(b.MemberID, b.InstanceID, b.Generation)
}

// heard reports whether this answer to a heartbeat renews the session.
func heard(k base.Kind) bool { return k == base.OK || k == base.RebalanceInProgress }

// hear answers a heartbeat that is not refused by v, as the member's tender.
func (c *Coord) hear(f *env.Future[base.Kind], v meta.View, b Beat, tries int) {
	self := c.journal.Self()
	tender := v.Groups.Get(b.Group).Member(b.MemberID).Tender
	switch {
	case self == 0 || tries == 0:
		f.Set(base.CoordinatorNotAvailable, nil)
		return
	case tender == self:
		c.touch(b.Group, b.MemberID)
		f.Set(b.check(v), nil)
		return
	}
	adopt := &group.Adopt{Group: b.Group, MemberID: b.MemberID, OldTender: tender, NewTender: self, Heard: true}
	c.propose(adopt, func(v meta.View, _ group.Reply) { c.hearIf(f, v, b, tries-1) })
}
