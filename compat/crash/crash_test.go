package crash

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/harness"
	"github.com/millrace-io/millrace/compat/load"
)

// startLoad puts franz-go to work: some 900 records a second.
func startLoad(t *testing.T, c *harness.Cluster) *load.Load {
	t.Helper()
	return load.Start(t, c, load.Plan{
		Teams:      []load.Team{{Language: load.Go, Producers: 3, Readers: 1, Members: 2}},
		Partitions: 6, Beat: 20 * time.Millisecond, Batch: 1,
	})
}

// steady is how long the load runs undisturbed before, between and after what a scenario does to the agents.
func steady() {
	if harness.Long() {
		time.Sleep(12 * time.Second)
		return
	}
	time.Sleep(3 * time.Second)
}

func stores(t *testing.T, run func(t *testing.T, store string)) {
	all := []string{"file"}
	if harness.Long() && !harness.IsOracle() {
		all = append(all, "s3")
	}
	for _, store := range all {
		t.Run(store, func(t *testing.T) { run(t, store) })
	}
}

// Every agent is killed once and comes back; with one broker of Kafka, that one is, three times.
func TestKillAndRestart(t *testing.T) {
	stores(t, func(t *testing.T, store string) {
		c := harness.Start(t, harness.Options{Agents: 3, Store: store})
		l := startLoad(t, c)
		for i := range 3 {
			steady()
			c.Kill9(i % c.Len())
			time.Sleep(500 * time.Millisecond)
			c.Restart(i % c.Len())
		}
		steady()
		l.Finish()
	})
}

// An agent is killed and stays away: clients go on at the others.
func TestKillForGood(t *testing.T) {
	if harness.IsOracle() {
		t.Skip("an oracle has one broker")
	}
	for name, tc := range map[string]struct {
		flags []string
		goal  time.Duration // what is promised; printed
		max   time.Duration // what fails the test, on a machine that others use too
	}{
		"with peers":    {nil, 5 * time.Second, 15 * time.Second},
		"without peers": {[]string{"--peer=off"}, 15 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			c := harness.Start(t, harness.Options{Agents: 3, Flags: tc.flags})
			l := startLoad(t, c)
			steady()
			c.Kill9(1)
			l.History.FromHere(time.Now())
			l.UntilAllMove(tc.max)
			steady()
			for what, silence := range l.History.Longest(time.Now()) {
				t.Logf("%s: stood still for %v at most, goal %v", what, silence.Round(time.Millisecond), tc.goal)
				if silence > tc.max {
					t.Errorf("%s: stood still for %v, goal %v", what, silence, tc.goal)
				}
			}
			l.Finish()
		})
	}
}

// Agents restart in good order, one after the other, and no client is told of it.
func TestRollingRestart(t *testing.T) {
	stores(t, func(t *testing.T, store string) {
		c := harness.Start(t, harness.Options{Agents: 3, Store: store})
		l := startLoad(t, c)
		for i := range c.Len() {
			steady()
			c.Term(i)
			c.Restart(i)
		}
		steady()
		l.Finish()
		if notes := l.History.Notes(); len(notes) > 0 && c.Len() > 1 { // of one broker no other takes over
			t.Errorf("clients were told: %v", notes)
		}
	})
}
