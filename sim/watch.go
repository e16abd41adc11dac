package sim

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
)

// clockAheadMax bounds how far ahead of the bucket the time of an entry may be: 10 s that agents carry a Date on by
// themselves, and a second by which the bucket's front ends differ.
const clockAheadMax = 11 * time.Second

// clockFacts are the times of the last views, by agent.
type clockFacts map[string]base.Millis

// clock holds a view's time against the bucket's, and against the view before.
func (u *Auditor) clock(agent string, v meta.View) {
	truth := base.Millis(bucketEpoch.Add(u.w.Elapsed()).UnixMilli())
	if ahead := v.Time - truth; ahead > base.Millis(clockAheadMax.Milliseconds()) {
		u.violated(CheckClock, "at %s the clock after slot %d is %v ahead of the bucket's", agent, v.Slot, time.Duration(ahead)*time.Millisecond)
	}
	if was := u.clockFacts[agent]; v.Time < was {
		u.violated(CheckClock, "at %s the clock went back by %v with slot %d", agent, time.Duration(was-v.Time)*time.Millisecond, v.Slot)
	}
	u.clockFacts[agent] = v.Time
}

// numbered notes the number that a life of an agent was given.
func (u *Auditor) numbered(a *agent, number base.Incarnation) {
	if other, ok := u.number[number]; ok && other != a {
		u.violated(CheckIncarnation, "number %d was that of a life of %s, and is that of one of %s", number, other.name, a.name)
	}
	u.number[number] = a
}

// calmAfter is how long after the last fault a group has found together again.
const calmAfter = time.Minute

// expelled is called when a member is told that it is none.
func (m *member) expelled(what string) {
	c := m.c
	calm := c.quiet && c.w.Elapsed()-c.quietAt > calmAfter
	if silent := m.p.Now().Sub(m.heard); calm && silent < sessionTimeout/2 && m.p.Now().Sub(m.back) > sessionTimeout {
		c.audit.violated(CheckExpelled, "%s of %s, heard of %v ago, is answered that there is no such member", what, m.p.Name(), silent)
	}
}
