package coord

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// tended is a group of which this agent tends members.
type tended struct {
	seen    *group.Group
	self    base.Incarnation // the tender these sessions are of
	members map[string]*session
	check   time.Time // no session ends before
	round   uint64    // the last one that found it in the View
}

// session is what this agent knows of a member it tends.
type session struct {
	heard      time.Time // when it was last heard of, or given a new session
	generation int32
	waiting    bool      // for the round to end: it cannot be heard, and does not expire
	asked      time.Time // when its expiry was last proposed
}

// askAgain is how long an expiry that was proposed may take before it is proposed again.
const askAgain = 5 * time.Second

// expireAtOnce bounds the expiries proposed in one round; those that are left come with the next.
const expireAtOnce = 1000

// touch renews the session of a member, if this agent tends it.
func (c *Coord) touch(name, member string) {
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.tended.Get(name); ok {
		if s := t.members[member]; s != nil {
			s.heard = now
		}
	}
}

// tend brings the sessions in line with a View.
func (c *Coord) tend(v meta.View, self base.Incarnation, round uint64) {
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for g := range v.Groups.TendedBy(self) {
		t, ok := c.tended.Get(g.Name)
		if !ok || t.self != self {
			t = &tended{self: self, members: map[string]*session{}}
			c.tended.Set(g.Name, t)
		}
		t.round = round
		if t.seen != g {
			t.update(g, now)
		}
	}
	var gone []string
	c.tended.Scan(func(name string, t *tended) bool {
		if t.round != round {
			gone = append(gone, name)
		}
		return true
	})
	for _, name := range gone {
		c.tended.Delete(name)
	}
}

// update takes over a new value of the group.
func (t *tended) update(g *group.Group, now time.Time) {
	members := make(map[string]*session, len(t.members))
	for _, m := range g.Members() {
		if m.Tender != t.self && !plant.LeftOut(plant.TenderExpires) {
			continue
		}
		s := t.members[m.ID]
		if s == nil {
			s = &session{heard: now, generation: g.Generation}
		}
		waiting := waits(g, m)
		if s.generation != g.Generation || s.waiting && !waiting {
			s.heard, s.asked = now, time.Time{}
		}
		s.generation, s.waiting = g.Generation, waiting
		members[m.ID] = s
	}
	t.seen, t.members, t.check = g, members, now
}

// waits reports whether a member waits for a round to end, so that it cannot be heard. A new one has a bound of its own.
func waits(g *group.Group, m *group.Member) bool {
	return !m.New && (g.Phase == group.Preparing && m.Joined || g.Phase == group.Completing && m.Synced)
}

// timeoutOf is how long a member may be silent.
func timeoutOf(m *group.Member) time.Duration {
	if m.New {
		return group.NewMemberJoinTimeoutMs * time.Millisecond
	}
	return time.Duration(m.SessionTimeoutMs) * time.Millisecond
}

// grantAll gives all members a new session.
func (c *Coord) grantAll(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tended.Scan(func(_ string, t *tended) bool {
		for _, s := range t.members {
			s.heard = now
		}
		return true
	})
}

// overdue lists the members whose session has ended.
func (c *Coord) overdue(now time.Time) (list []*group.ExpireMember) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tended.Scan(func(_ string, t *tended) bool {
		if !now.Before(t.check) {
			list = append(list, t.overdue(now)...)
		}
		return len(list) < expireAtOnce
	})
	return list
}

func (t *tended) overdue(now time.Time) (list []*group.ExpireMember) {
	t.check = now.Add(time.Hour)
	for _, m := range t.seen.Members() {
		s := t.members[m.ID]
		if s == nil || s.waiting {
			continue
		}
		ends := latest(s.heard.Add(timeoutOf(m)), s.asked.Add(askAgain))
		if !now.Before(ends) {
			s.asked = now
			ends = now.Add(askAgain)
			list = append(list, &group.ExpireMember{Group: t.seen.Name, MemberID: m.ID, Generation: t.seen.Generation, By: t.self})
		}
		if ends.Before(t.check) {
			t.check = ends
		}
	}
	return list
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
