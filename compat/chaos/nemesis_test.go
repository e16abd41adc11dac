package chaos

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/faultproxy"
	"github.com/millrace-io/millrace/compat/harness"
)

// nemesis does to the agents what is planned.
type nemesis struct {
	t    testing.TB
	c    *harness.Cluster
	ways *ways // nil with an oracle, which has no bucket
}

func (n *nemesis) run(steps []step) {
	began := time.Now()
	for _, s := range steps {
		if n.ways == nil && (s.act == cutOff || s.act == outage || s.act == refusal) {
			continue
		}
		// An oracle is one broker.
		s.agent, s.other = s.agent%n.c.Len(), s.other%n.c.Len()
		from := time.Since(began)
		n.do(s)
		n.t.Logf("%5.1fs to %5.1fs: %s", from.Seconds(), time.Since(began).Seconds(), s)
		time.Sleep(s.rest)
	}
}

func (n *nemesis) do(s step) {
	switch s.act {
	case kill:
		n.away(s.lasts, s.agent)
	case killTwo:
		n.away(s.lasts, s.agent, s.other)
	case pause, sleep:
		n.c.Pause(s.agent)
		time.Sleep(s.lasts)
		n.c.Resume(s.agent)
	case sleepAndKill:
		n.sleepAndKill(s)
	case cutOff:
		n.cover(s.lasts, faultproxy.Weather{BlackHole: true}, s.agent)
	case outage:
		n.cover(s.lasts, faultproxy.Weather{BlackHole: true}, 0, 1, 2)
	case refusal:
		n.cover(s.lasts, refuseAll, 0, 1, 2)
	case rolling:
		n.c.RestartAll()
	case crashAll:
		n.c.CrashAll()
	default:
		n.t.Fatalf("nobody knows how to do %q", s.act)
	}
}

// away kills agents, and brings them back.
func (n *nemesis) away(lasts time.Duration, agents ...int) {
	for i, agent := range agents {
		if i > 0 && agent == agents[0] { // there is only one
			agents = agents[:i]
			break
		}
		n.c.Kill9(agent)
	}
	time.Sleep(lasts)
	for _, agent := range agents {
		n.c.Restart(agent)
	}
}

func (n *nemesis) sleepAndKill(s step) {
	n.c.Pause(s.agent)
	time.Sleep(s.lasts / 2)
	if s.other != s.agent {
		n.away(s.lasts/4, s.other)
	}
	time.Sleep(s.lasts / 4)
	n.c.Resume(s.agent)
}

// cover puts ways to the bucket into that weather for a while.
func (n *nemesis) cover(lasts time.Duration, weather faultproxy.Weather, agents ...int) {
	for _, agent := range agents {
		n.ways.cover(agent, weather)
	}
	time.Sleep(lasts)
	for _, agent := range agents {
		n.ways.uncover(agent)
	}
}
