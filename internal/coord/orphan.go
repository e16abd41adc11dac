package coord

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// adoptAtOnce bounds the groups adopted in one tick, so that the loss of an agent with many does not fill the journal's
// queue before everything else.
const adoptAtOnce = 2000

// orphan is a tender that is gone while members still have it.
type orphan struct {
	since time.Time // when this agent learned of it
	asked map[string]time.Time
	round uint64
}

// adoptOrphans makes this agent the tender of members whose tender is gone: of each group first the agent that
// FindCoordinator names for it, then others. The sessions begin when the adoption is in the View.
func (k *keeper) adoptOrphans(v meta.View, self base.Incarnation, now time.Time) {
	var mine, later []*group.Adopt
	for t := range v.Groups.Tenders() {
		if v.Admin.Live(t) {
			continue
		}
		o := k.orphans[t]
		if o == nil {
			o = &orphan{since: now, asked: map[string]time.Time{}}
			k.orphans[t] = o
		}
		o.round = k.round
		for g := range v.Groups.TendedBy(t) {
			if len(mine)+len(later) >= adoptAtOnce {
				break
			}
			r := rank(v, g.Name, self, max(k.c.journal.Now(), v.Time))
			if now.Before(latest(o.since.Add(time.Duration(r)*stagger), o.asked[g.Name].Add(askAgain))) {
				continue
			}
			o.asked[g.Name] = now
			adopt := &group.Adopt{Group: g.Name, OldTender: t, NewTender: self}
			if r == 0 {
				mine = append(mine, adopt)
			} else {
				later = append(later, adopt)
			}
		}
	}
	for t, o := range k.orphans {
		if o.round != k.round {
			delete(k.orphans, t)
		}
	}
	k.c.adopt(mine)
	if len(later) > 0 {
		k.c.adoptIfStill(later)
	}
}

func (c *Coord) adopt(list []*group.Adopt) {
	for _, a := range list {
		c.log.Info("adopting the members of an agent that is gone", "group", a.Group, "agent", a.OldTender)
		c.propose(a, ignore)
	}
}

// adoptIfStill adopts where nobody else has.
func (c *Coord) adoptIfStill(list []*group.Adopt) {
	c.afterBarrier(func(v meta.View, err error) {
		if err != nil {
			return
		}
		var left []*group.Adopt
		for _, a := range list {
			if tends(v.Groups.Get(a.Group), a.OldTender) {
				left = append(left, a)
			}
		}
		c.adopt(left)
	})
}

func tends(g *group.Group, t base.Incarnation) bool {
	for _, m := range g.Members() {
		if m.Tender == t {
			return true
		}
	}
	return false
}
