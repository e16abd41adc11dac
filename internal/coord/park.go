package coord

import (
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// waiter is a parked join or sync.
type waiter struct {
	group string
	look  func(*group.Group) bool // answers if it can; false: wait on
	fail  func()                  // answers that this agent cannot
}

// parking is who waits for news of one group. There are at most as many as there are connections.
type parking struct {
	seen    *group.Group // the value they have all been held against
	stale   bool         // not all of them have
	waiters []*waiter
}

// await answers w, by v or by a later View.
func (c *Coord) await(v meta.View, w *waiter) {
	g := v.Groups.Get(w.group)
	if w.look(g) {
		return
	}
	if !c.park(v, g, w) {
		w.fail()
		return
	}
	c.journal.Interest(1)
}

// park reports false when nobody will look at w any more.
func (c *Coord) park(v meta.View, g *group.Group, w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	p, ok := c.parked.Get(w.group)
	if !ok {
		p = &parking{seen: g}
		c.parked.Set(w.group, p)
	}
	p.waiters = append(p.waiters, w)
	p.stale = p.stale || p.seen != g
	if p.stale || c.journal.View() != v { // published meanwhile, perhaps before w stood here
		c.news = true
		c.wake.Broadcast()
	}
	return true
}

// lookAgain holds those who wait against the newest View.
func (c *Coord) lookAgain() {
	for _, p := range c.awaiting() {
		c.settle(p)
	}
}

// awaiting gives the parkings whose group is another than they have seen. The View is taken with the lock held: one
// taken before may be older than what a waiter that came meanwhile is about.
func (c *Coord) awaiting() (changed []changedGroup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.journal.View()
	c.parked.Scan(func(name string, p *parking) bool {
		if g := v.Groups.Get(name); p.stale || p.seen != g {
			p.seen, p.stale = g, false
			changed = append(changed, changedGroup{g, name, p.waiters})
			p.waiters = nil
		}
		return true
	})
	return changed
}

type changedGroup struct {
	g       *group.Group
	name    string
	waiters []*waiter
}

// settle answers those of a changed group that can be, and puts the others back.
func (c *Coord) settle(p changedGroup) {
	var left []*waiter
	for _, w := range p.waiters {
		if !w.look(p.g) {
			left = append(left, w)
		}
	}
	c.journal.Interest(len(left) - len(p.waiters))
	c.putBack(p.name, left)
}

func (c *Coord) putBack(name string, left []*waiter) {
	c.mu.Lock()
	closed := c.closed
	if p, ok := c.parked.Get(name); ok && !closed {
		p.waiters = append(left, p.waiters...)
		if len(p.waiters) == 0 {
			c.parked.Delete(name)
		}
	}
	c.mu.Unlock()
	if closed {
		fail(left)
		c.journal.Interest(-len(left))
	}
}

// failParked tells all who wait to look for another agent.
func (c *Coord) failParked() {
	var all []*waiter
	c.mu.Lock()
	c.parked.Scan(func(_ string, p *parking) bool {
		all = append(all, p.waiters...)
		return true
	})
	c.parked.Clear()
	c.mu.Unlock()
	fail(all)
	c.journal.Interest(-len(all))
}

func fail(list []*waiter) {
	for _, w := range list {
		w.fail()
	}
}
