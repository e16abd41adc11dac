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
	if c.options.Sparse {
		pause *= sparser
	}
	for c.ends = c.w.Elapsed() + c.options.Chaos; c.w.Elapsed() < c.ends && len(c.audit.Violations) == 0; {
		main.Sleep(c.w.Between(0, pause))
		a := c.agents[c.w.Uint64()%uint64(len(c.agents))]
		if a.up || c.w.Uint64()%4 == 0 { // one that is down or starting is mostly left alone
			c.step(a)
		}
	}
}

// relent ends all faults, and has clients send nothing new.
func (c *Cluster) relent() {
	c.bucket.Calm()
	c.quiet, c.quietAt, c.upgraded = true, c.w.Elapsed(), true
	for i, a := range c.agents {
		a.p.Spare()
		for _, b := range c.agents[:i] {
			c.w.Heal(a.p, b.p)
		}
		for _, g := range c.guests {
			c.w.Heal(a.p, g.p)
		}
	}
	for _, t := range c.twins {
		t.kill()
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
	switch what := c.w.Uint64() % 32; {
	case what < 6:
		c.finish(a)
	case what < 14:
		c.delay(a)
	case what < 17:
		c.skew(a)
	case what < 20:
		c.isolate(a)
	case what < 23:
		c.bucket.Storm(storms[c.w.Uint64()%uint64(len(storms))], c.w.Between(0, 6*time.Second))
	case what < 27:
		c.cut(a)
	case what < 28:
		c.startTwice(a)
	case what < 29:
		c.damageSnapshot()
	case what < 31:
		c.evict(c.guests[c.w.Uint64()%uint64(len(c.guests))])
	default:
		c.injectVoid()
	}
}

// finish ends an agent, in one way or another.
func (c *Cluster) finish(a *agent) {
	switch what := c.w.Uint64() % 4; {
	case what == 0:
		c.stopInOrder(a)
	case a.p.Killed():
	case what == 1:
		c.marks.Hit(AgentKilled)
		c.kill(a)
	default:
		a.p.KillAfter(1+int(c.w.Uint64()%2000), func() {
			c.marks.Hit(AgentKilledWaiting)
			c.kill(a)
		})
	}
}

// delay holds an agent up.
func (c *Cluster) delay(a *agent) {
	switch what := c.w.Uint64() % 8; {
	case what < 5:
		c.marks.Hit(AgentPaused)
		a.p.Pause(c.w.Between(0, 15*time.Second))
	case what < 6:
		c.marks.Hit(AgentPausedLong)
		a.p.Pause(c.longPause())
	default:
		c.marks.Hit(AgentSuspended)
		a.p.Suspend(c.w.Between(0, 2*c.options.W))
	}
}

// isolate keeps an agent from the bucket; it may still reach others. Now and then it is killed then, so that its next life
// begins out of the bucket's reach.
func (c *Cluster) isolate(a *agent) {
	d := c.w.Between(0, 20*time.Second)
	long := c.w.Uint64()%4 == 0
	switch {
	case long && c.options.Sparse:
		d *= 60 // nobody who starts tries for as long
	case long:
		d *= 5
	}
	c.bucket.Unreachable(a.name, d)
	if a.peered() {
		c.marks.Hit(BucketCut)
	}
	if long && !a.p.Killed() {
		c.marks.Hit(AgentKilled)
		c.kill(a)
	}
}

func (c *Cluster) skew(a *agent) {
	c.marks.Hit(AgentSkewed)
	a.p.SetClockSkew(c.w.Between(0, 2*time.Hour) - time.Hour)
	a.p.SetClockDrift(int(c.w.Uint64()%200_000) - 100_000)
}

// startTwice starts another process with the flags of a: it says of itself what a does, and is reached by nobody who goes
// by that.
func (c *Cluster) startTwice(a *agent) {
	name := a.name + "-again"
	if !a.up || a.host() == "" && c.options.Whole || !c.dead(name) {
		return
	}
	c.marks.Hit(AgentTwice)
	t := c.newAgent(name, a.name)
	c.twins = append(c.twins, t)
	t.p.Go("agent", t.run)
	nurse := c.w.Proc("nurse")
	nurse.Go("end", func() {
		nurse.Sleep(c.w.Between(5*time.Second, time.Minute))
		t.kill()
	})
}

// dead reports whether no twin of that name lives.
func (c *Cluster) dead(name string) bool {
	return !slices.ContainsFunc(c.twins, func(t *agent) bool { return t.name == name && !t.p.Killed() })
}

// kill ends an agent at once; a new life of it begins some time later, if faults still go on. A twin has but one.
func (c *Cluster) kill(a *agent) {
	a.kill()
	c.beginLater(a.name)
}

func (c *Cluster) beginLater(name string) {
	nurse := c.w.Proc("nurse")
	nurse.Go("begin", func() {
		nurse.Sleep(c.w.Between(0, 12*time.Second))
		if a := c.agentOf(name); !c.quiet && a != nil && a.p.Killed() {
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

// cut separates an agent from another, from all others, or from a client, for a while; it still reaches the bucket.
func (c *Cluster) cut(a *agent) {
	g := c.guests[c.w.Uint64()%uint64(len(c.guests))]
	b := c.agents[c.w.Uint64()%uint64(len(c.agents))]
	switch what := c.w.Uint64() % 4; {
	case what < 2 && g.speak:
		c.marks.Hit(ClientCut)
		c.part(a.p, g.p)
	case a == b || !c.options.Peers:
	case what < 3:
		c.marks.Hit(PeersCut)
		c.part(a.p, b.p)
	default:
		c.marks.Hit(PeersIsolated)
		for _, b := range c.agents {
			if a != b {
				c.part(a.p, b.p)
			}
		}
	}
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
