package coord

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

const (
	// stagger is how much later each further agent does what one has to do, so that they do not all write the same.
	stagger = 2 * time.Second
	// callAgain is when a deadline that stays in the View is called a second time; each further time after twice as long.
	callAgain    = time.Second
	callAgainMax = 16 * time.Second
	// nearby is how little bucket time a deadline may be ahead of what this agent knows of it, to wait for it without
	// asking the bucket.
	nearby = base.Millis(200)
)

// dues are the deadlines of groups by the local clock.
type dues struct {
	byGroup map[string]*due
	round   uint64
	next    time.Time // when one is to be called; zero: none
}

// due is a group's deadline. The bucket's time as this agent knows it stands still when the bucket is silent, so the
// local clock says when to look.
type due struct {
	deadline base.Millis
	at       time.Time
	again    time.Duration
	waited   bool // for the bucket's time as known here to come near
	round    uint64
}

// callDeadlines proposes a Tick for every deadline that has passed, if that falls to this agent now.
func (k *keeper) callDeadlines(v meta.View, self base.Incarnation, now time.Time) {
	ds := &k.dues
	ds.round++
	ds.next = time.Time{}
	if self == 0 || k.c.journal.Err() != nil {
		return
	}
	known := max(k.c.journal.Now(), v.Time)
	for g := range v.Groups.Due() {
		d := ds.byGroup[g.Name]
		if d == nil || d.deadline != g.Deadline {
			d = &due{deadline: g.Deadline, at: now.Add(span(g.Deadline - known)), again: callAgain}
			ds.byGroup[g.Name] = d
		}
		d.round = ds.round
		at := d.at
		if !now.Before(at) {
			at = k.call(v, self, g, d, now, known)
		}
		ds.next = earliest(at, ds.next)
	}
	for name, d := range ds.byGroup {
		if d.round != ds.round {
			delete(ds.byGroup, name)
		}
	}
}

// call proposes the Tick of a deadline that has passed by the local clock, and gives the time to look again.
func (k *keeper) call(v meta.View, self base.Incarnation, g *group.Group, d *due, now time.Time, known base.Millis) time.Time {
	rank := callRank(v, g, self, known)
	if at := d.at.Add(time.Duration(rank) * stagger); now.Before(at) {
		return at
	}
	left := d.deadline - known
	if left > 0 && left <= nearby && !d.waited {
		d.at, d.waited = now.Add(span(left)), true
		return d.at
	}
	d.at = now.Add(d.again)
	d.again = min(2*d.again, callAgainMax)
	tick := &group.Tick{Group: g.Name, Deadline: g.Deadline}
	if rank == 0 && left <= 0 {
		k.c.propose(tick, ignore)
		return d.at
	}
	// Another agent may have called, or the bucket's time not have been heard of for long: look first.
	k.c.afterBarrier(func(v meta.View, err error) {
		if err != nil {
			return
		}
		if g := v.Groups.Get(tick.Group); g != nil && g.Deadline == tick.Deadline {
			k.c.propose(tick, ignore)
		}
	})
	return d.at
}

func span(m base.Millis) time.Duration { return time.Duration(max(m, 0)) * time.Millisecond }

// callRank says how many agents come before this one in calling a group's deadline: those that tend its members come
// first, the one that came to the cluster first before the others.
func callRank(v meta.View, g *group.Group, self base.Incarnation, now base.Millis) int {
	tenders := map[base.Incarnation]bool{}
	before := 0
	for _, m := range g.Members() {
		if !tenders[m.Tender] && serves(v, m.Tender, self, now) {
			tenders[m.Tender] = true
			if m.Tender < self {
				before++
			}
		}
	}
	if tenders[self] {
		return before
	}
	return len(tenders) + rank(v, g.Name, self, now)
}
