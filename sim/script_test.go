package sim

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// played runs a script over a bucket that works.
func played(t *testing.T, o Options, script func(c *Cluster, main *sim.Proc)) *Result {
	t.Helper()
	o.script = script
	r := Run(o)
	if r.Failed() {
		t.Fatalf("%v", r)
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

// An agent farDistance times farther from the bucket than the other, with no peers, still commits within farWaitMax, while
// the other one's clients keep it busy: it gets its turns.
const (
	farDistance = 3
	farWaitMax  = 3 * time.Second
)

func TestFarAgentIsNotStarved(t *testing.T) {
	for seed := range uint64(5) {
		o := rooms(2*seed + 1)
		o.Agents = 2
		var longest, total time.Duration
		const commands = 30
		played(t, o, func(c *Cluster, main *sim.Proc) {
			c.bucket.distance["a1"] = farDistance
			main.Sleep(10 * time.Second)
			for range commands {
				began := c.w.Elapsed()
				if _, err := ask(main, c.agents[0], time.Minute, func() (*meta.Verdict, error) {
					return c.agents[0].control.Propose(&log.AllocateProducerIDs{Count: 1}).Wait(time.Time{})
				}); err != nil {
					t.Errorf("seed %d: %v", o.Seed, err)
				}
				longest, total = max(longest, c.w.Elapsed()-began), total+c.w.Elapsed()-began
				main.Sleep(c.w.Between(0, time.Second))
			}
		})
		t.Logf("seed %d: %v on average, %v at most", o.Seed, (total / commands).Round(time.Millisecond), longest.Round(time.Millisecond))
		if longest > farWaitMax {
			t.Errorf("seed %d: a command took %v, the bound is %v", o.Seed, longest, farWaitMax)
		}
	}
}
