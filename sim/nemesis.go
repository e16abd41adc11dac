package sim

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore"
)

// torment breaks things for as long as the options say, at a rate of the seed's own.
func (c *Cluster) torment(main *sim.Proc) {
	pause := []time.Duration{5 * time.Second, 12 * time.Second, 30 * time.Second}[c.w.Uint64()%3]
	for end := c.w.Elapsed() + c.options.Chaos; c.w.Elapsed() < end && len(c.audit.Violations) == 0; {
		main.Sleep(c.w.Between(0, pause))
		a := c.agents[c.w.Uint64()%uint64(len(c.agents))]
		if a.up || c.w.Uint64()%4 == 0 { // one that is down or starting is mostly left alone
			c.step(a)
		}
	}
	c.quiet, c.quietAt = true, c.w.Elapsed()
	for i, a := range c.agents {
		for _, b := range c.agents[:i] {
			c.w.Heal(a.p, b.p)
		}
		for _, k := range c.clients {
			c.w.Heal(a.p, k)
		}
	}
}

// step does one disturbance, unless it is left out.
func (c *Cluster) step(a *agent) {
	if only := c.options.Steps; only == nil || slices.Contains(only, c.steps) {
		c.disturb(a)
	}
	c.steps++
}

// disturb does one thing to an agent or to its surroundings. What takes an agent away for long is rarer.
func (c *Cluster) disturb(a *agent) {
	w, W := c.w, c.options.W
	switch what := w.Uint64() % 20; what {
	case 0, 1, 2:
		if !a.p.Killed() {
			c.marks.Hit(AgentKilled)
			c.kill(a)
		}
	case 3:
		c.stopInOrder(a)
	case 4, 5, 6:
		c.marks.Hit(AgentPaused)
		a.p.Pause(w.Between(0, 15*time.Second))
	case 7:
		c.marks.Hit(AgentPausedLong)
		a.p.Pause(w.Between(W, 3*W))
	case 8:
		c.marks.Hit(AgentSuspended)
		a.p.Suspend(w.Between(0, 2*W))
	case 9, 10:
		c.marks.Hit(AgentSkewed)
		a.p.SetClockSkew(w.Between(0, 2*time.Hour) - time.Hour)
		a.p.SetClockDrift(int(w.Uint64()%200_000) - 100_000)
	case 11, 12:
		c.bucket.Unreachable(a.name, w.Between(0, 20*time.Second))
	case 13, 14:
		c.bucket.Storm(w.Between(0, 6*time.Second))
	case 15, 16, 17:
		c.cut(a)
	default:
		c.injectVoid()
	}
}

// kill ends an agent at once; a new life of it begins some time later, if faults still go on.
func (c *Cluster) kill(a *agent) {
	a.kill()
	c.beginLater(a.name)
}

func (c *Cluster) beginLater(name string) {
	nurse := c.w.Proc("nurse")
	nurse.Go("begin", func() {
		nurse.Sleep(c.w.Between(0, 12*time.Second))
		if a := c.agentOf(name); !c.quiet && a.p.Killed() {
			c.begin(name)
		}
	})
}

func (c *Cluster) agentOf(name string) *agent {
	for _, a := range c.agents {
		if a.name == name {
			return a
		}
	}
	return nil
}

// stopInOrder drains an agent, as a rolling restart does, and kills what is left.
func (c *Cluster) stopInOrder(a *agent) {
	if !a.up {
		return
	}
	c.marks.Hit(AgentStopped)
	c.w.Logf("stop %s in good order", a.name)
	a.up = false
	a.p.Go("stop", func() {
		a.stop(10 * time.Second)
		for _, k := range a.conns {
			k.broken()
		}
		c.beginLater(a.name)
		a.p.Kill()
	})
}

// cut separates two agents, or an agent and a client, for a while; agents still reach the bucket.
func (c *Cluster) cut(a *agent) {
	if n := uint64(len(c.clients)); n > 0 && c.w.Uint64()%2 == 0 {
		c.marks.Hit(ClientCut)
		c.part(a.p, c.clients[c.w.Uint64()%n])
		return
	}
	b := c.agents[c.w.Uint64()%uint64(len(c.agents))]
	if a == b || !c.options.Peers {
		return
	}
	c.marks.Hit(PeersCut)
	c.part(a.p, b.p)
}

// part cuts two processes' machines off from each other for a while.
func (c *Cluster) part(a, b *sim.Proc) {
	c.w.Cut(a, b)
	nurse := c.w.Proc("nurse")
	nurse.Go("heal", func() {
		nurse.Sleep(c.w.Between(0, 40*time.Second))
		c.w.Heal(a, b)
	})
}

// injectVoid puts a void entry after the tail, as a writer that pipelines does when it loses the slot before.
func (c *Cluster) injectVoid() {
	tail := c.audit.newest + 1
	if !c.options.Whole { // agents that start take a hole in the journal for a deletion, as no writer pipelines yet
		tail += base.Slot(c.w.Uint64() % 2)
	}
	object, err := journal.EncodeEntry(journal.Header{Slot: tail, Prev: [32]byte{byte(c.w.Uint64())}}, c.voidPayload())
	if err != nil {
		panic(err)
	}
	if _, err := c.bucket.mem.PutIfAbsent(ctx, journal.EntryKey(tail), object); objstore.KindOf(err) != objstore.Exists {
		c.marks.Hit(EntryVoidInjected)
		c.w.Logf("void entry in slot %d", tail)
	}
}
