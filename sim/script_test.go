package sim

import (
	"runtime"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	merging "github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// played runs a script over a bucket that works.
func played(t *testing.T, o Options, script func(c *Cluster, main *sim.Proc)) *Result {
	t.Helper()
	o.script = script
	r := Run(o)
	if r.Failed() {
		t.Errorf("%v", r)
	}
	return r
}

// acked tells how many records are acknowledged within d.
func (c *Cluster) ackedWithin(main *sim.Proc, d time.Duration) int {
	before := c.audit.Acked
	main.Sleep(d)
	return c.audit.Acked - before
}

// Two agents that do not reach each other, but do reach the bucket, go on serving.
func TestCutPeersGoOnServing(t *testing.T) {
	for seed := range uint64(5) {
		o := rooms(2 * seed)
		o.Agents = 2
		var whole, cut, healed int
		r := played(t, o, func(c *Cluster, main *sim.Proc) {
			main.Sleep(10 * time.Second)
			whole = c.ackedWithin(main, 40*time.Second)
			c.w.Cut(c.agents[0].p, c.agents[1].p)
			main.Sleep(10 * time.Second)
			cut = c.ackedWithin(main, 40*time.Second)
			c.w.Heal(c.agents[0].p, c.agents[1].p)
			main.Sleep(10 * time.Second)
			healed = c.ackedWithin(main, 40*time.Second)
		})
		t.Logf("seed %d: %d records, cut %d, healed %d; %d expired while alive", 2*seed, whole, cut, healed, r.Marks[AgentExpired])
		if 10*min(cut, healed) < 8*whole || r.Marks[AgentExpired] > 4 {
			t.Errorf("seed %d: serves less while cut, or agents expire each other again and again", 2*seed)
		}
	}
}

// each plays n worlds, as many at once as there are processors.
func each(n uint64, play func(n uint64) *Result) {
	Seeds(0, n-1, runtime.GOMAXPROCS(0), play, func(*Result) bool { return true })
}

// What is served before faults, during them and after: with all of them off again throughput recovers.
func TestThroughputRecovers(t *testing.T) {
	const seeds, window = 6, 40 * time.Second
	var before, during, after [seeds]int
	each(seeds, func(n uint64) *Result {
		o := Standard([]uint64{0, 2, 5, 3, 4, 14}[n]) // three with rooms, three with whole agents
		o.Retention = false
		return played(t, o, func(c *Cluster, main *sim.Proc) {
			main.Sleep(15 * time.Second)
			before[n] = c.ackedWithin(main, window)
			c.bucket.faults, c.options.Chaos = drawFaults(c.w, time.Minute), 2*time.Minute
			acked := c.audit.Acked
			c.torment(main)
			during[n] = (c.audit.Acked - acked) * int(window/time.Second) / 120
			c.relent()
			for c.quiet = false; !c.allUp(); main.Sleep(time.Second) { // clients go on
				c.revive()
			}
			for _, a := range c.agents { // until those that are paused are back, and their clocks go on
				if _, err := ask(main, a, 10*time.Minute, func() (meta.View, error) {
					a.p.Sleep(time.Second)
					return a.control.Barrier(time.Time{})
				}); err != nil {
					t.Errorf("seed %d: %s: %v", o.Seed, a.name, err)
				}
			}
			main.Sleep(20 * time.Second)
			after[n] = c.ackedWithin(main, window)
		})
	})
	for n := range seeds {
		t.Logf("records acknowledged in %v: %d, with faults %d, after them %d", window, before[n], during[n], after[n])
		if 10*after[n] < 7*before[n] {
			t.Errorf("run %d: throughput did not recover", n)
		}
	}
}

// An agent farDistance times farther from the bucket than the other, with no peers, still has its commands decided within farWaitMax, nearly
// all of them within farWait, while the other one writes without a rest: it gets its turns. The bounds are those of docs/rfcs/0002.
const (
	farDistance = 5
	farWait     = 5 * time.Second
	farWaitMax  = 10 * time.Second
	farLater    = 6 // commands of all worlds that may take longer than farWait: one in a hundred
	farSeeds    = 20
	farPerKiB   = 20 * time.Millisecond
	farCommands = 30
)

func TestFarAgentIsNotStarved(t *testing.T) { farAgent(t, func(*Cluster) {}) }

// The same where what rides makes the busy one's entries take twice as long, to write and to read.
func TestFarAgentIsNotStarvedByWhatRides(t *testing.T) {
	farAgent(t, func(c *Cluster) { c.bucket.perKiB = farPerKiB })
}

func farAgent(t *testing.T, set func(c *Cluster)) {
	longest, all := make([]time.Duration, farSeeds), make([]time.Duration, farSeeds)
	later := make([]int, farSeeds)
	each(farSeeds, func(n uint64) *Result {
		o := rooms(2*n + 1)
		o.Agents, o.Unsteady, o.SendEvery = 2, false, 100*time.Millisecond
		o.Merge = merging.DefaultPace // that of other worlds adds an entry every few seconds
		return played(t, o, func(c *Cluster, main *sim.Proc) {
			for !c.allUp() {
				main.Sleep(100 * time.Millisecond)
			}
			c.bucket.distance["a1"] = farDistance
			set(c)
			main.Sleep(10 * time.Second)
			for range farCommands {
				took := c.command(t, main, c.agents[0])
				longest[n], all[n] = max(longest[n], took), all[n]+took
				if took > farWait {
					later[n]++
				}
				main.Sleep(c.w.Between(0, time.Second))
			}
			c.bucket.perKiB = 0
		})
	})
	sum := 0
	for n, took := range longest {
		sum += later[n]
		t.Logf("seed %d: %v on average, %v at most", 2*n+1, (all[n] / farCommands).Round(time.Millisecond), took.Round(time.Millisecond))
		if took > farWaitMax {
			t.Errorf("seed %d: a command took %v, the bound is %v", 2*n+1, took, farWaitMax)
		}
	}
	if sum > farLater {
		t.Errorf("%d of %d commands took longer than %v, at most %d may", sum, farSeeds*farCommands, farWait, farLater)
	}
}

// command has an agent decide something, and tells how long it took.
func (c *Cluster) command(t *testing.T, main *sim.Proc, a *agent) time.Duration {
	began := c.w.Elapsed()
	if _, err := ask(main, a, time.Minute, func() (*meta.Verdict, error) {
		return a.control.Propose(&log.AllocateProducerIDs{Count: 1}).Wait(time.Time{})
	}); err != nil {
		t.Errorf("seed %d: %v", c.options.Seed, err)
	}
	return c.w.Elapsed() - began
}
