package coord

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

const (
	// tickEvery is how often the keeper looks around without news. It costs no request.
	tickEvery = 500 * time.Millisecond
	// stalledAfter is how late a tick may come before the process is taken to have stood still: it heard no heartbeats
	// meanwhile, and must not hold that against anybody.
	stalledAfter = 1500 * time.Millisecond
)

// keeper is what the one goroutine of coord owns: it answers the parked and keeps the time of groups.
type keeper struct {
	c        *Coord
	nextTick time.Time
	kept     meta.View // the View that sessions were last held against, and as whom
	self     base.Incarnation
	round    uint64
	dues     dues
	orphans  map[base.Incarnation]*orphan
}

func newKeeper(c *Coord) *keeper {
	return &keeper{c: c, nextTick: c.env.Now(), dues: dues{byGroup: map[string]*due{}}, orphans: map[base.Incarnation]*orphan{}}
}

// run is the keeper's goroutine.
func (k *keeper) run() {
	c := k.c
	for {
		news := c.sleep(earliest(k.nextTick, k.dues.next))
		if c.stop.Stopped() {
			return
		}
		v, self, now := c.journal.View(), c.journal.Self(), c.env.Now()
		if news {
			c.lookAgain()
		}
		k.callDeadlines(v, self, now)
		if !now.Before(k.nextTick) {
			k.tick(v, self, now)
		}
	}
}

// sleep waits for news or until at, and reports whether there is news.
func (c *Coord) sleep(at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.news && !c.closed && c.wake.Wait(at) {
	}
	news := c.news
	c.news = false
	return news
}

// tick keeps the sessions, and adopts the members of agents that are gone.
func (k *keeper) tick(v meta.View, self base.Incarnation, now time.Time) {
	c := k.c
	late := now.Sub(k.nextTick)
	k.nextTick = now.Add(tickEvery)
	k.round++
	if c.journal.Err() != nil {
		c.failParked() // the journal is not followed any more: nothing will be heard of what they wait for
		return
	}
	if self == 0 {
		return
	}
	if k.kept != v || k.self != self {
		c.tend(v, self, k.round)
		k.kept, k.self = v, self
	}
	if late > stalledAfter {
		c.log.Warn("the agent stood still: sessions of group members begin anew", "late", late)
		c.grantAll(now)
	}
	for _, e := range c.overdue(now) {
		c.log.Info("a group member's session ended", "group", e.Group, "member", e.MemberID, "generation", e.Generation)
		c.propose(e, ignore)
	}
	k.adoptOrphans(v, self, now)
}

// ignore is for commands that are asked again if nothing comes of them.
func ignore(meta.View, group.Reply) {}

func earliest(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}
