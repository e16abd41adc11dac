package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/millrace-io/millrace/compat/faultproxy"
)

const agents = 3

// plan is everything that is done, drawn from a seed.
type plan struct {
	steps   []step
	changes []change
}

// step is one thing done to the agents.
type step struct {
	act          act
	agent, other int           // whom it meets; other is another than agent
	lasts        time.Duration // how long it lasts, for what does
	rest         time.Duration // how long the agents are left alone afterwards
}

type act string

const (
	kill         act = "kill -9"                           // agent, for a while
	killTwo      act = "kill -9 of two"                    // agent and other, for a while
	pause        act = "SIGSTOP and resume"                // agent, shorter than its session
	sleep        act = "SIGSTOP beyond its session"        // agent
	sleepAndKill act = "kill -9 while another is stopped"  // agent sleeps, other is killed and comes back
	cutOff       act = "one cut off from the bucket"       // agent: no answer
	outage       act = "no bucket for anybody"             // all: no answer
	refusal      act = "the bucket refuses everybody"      // all: 503 to nearly everything
	rolling      act = "rolling restart by SIGTERM"        // all, one after the other
	crashAll     act = "kill -9 and restart of everything" // all, at once
)

// An active agent promises to be heard of within 10 s (RFC 2). Clients wait up to 30 s (Java) and 60 s (librdkafka) for
// an answer, and a member's session is 45 s.
const sessionOfAgent = 10 * time.Second

// span is what a duration is drawn from.
type span struct{ least, most time.Duration }

func (s span) draw(r *rand.Rand) time.Duration {
	return (s.least + time.Duration(r.Float64()*float64(s.most-s.least))).Round(100 * time.Millisecond)
}

const second = time.Second

// short is the plan of CI: each of these once, in an order that the seed draws.
var short = map[act]span{
	kill:     {second, 2 * second},
	pause:    {2 * second, 4 * second},
	sleep:    {sessionOfAgent + second, sessionOfAgent + 2*second},
	cutOff:   {2 * second, 4 * second},
	refusal:  {second, 2 * second},
	rolling:  {},
	crashAll: {},
}

// long is what a long run draws from, over and over. No client is left without an answer for so long that it may give up:
// Java's producer does after 120 s.
var long = map[act]span{
	kill:         {second, 15 * second},
	killTwo:      {second, 15 * second},
	pause:        {second, sessionOfAgent - second},
	sleep:        {sessionOfAgent + second, 70 * second},
	sleepAndKill: {sessionOfAgent + second, 40 * second},
	cutOff:       {second, 40 * second},
	outage:       {second, 30 * second},
	refusal:      {second, 30 * second},
	rolling:      {},
	crashAll:     {},
}

// order gives acts in one order, for draws.
var order = []act{kill, killTwo, pause, sleep, sleepAndKill, cutOff, outage, refusal, rolling, crashAll}

// Rests after a step, in a short run and in a long one; and what a step without a length of its own takes, roughly.
var (
	restShort   = span{second, 2 * second}
	restLong    = span{5 * second, 30 * second}
	restartTook = 6 * time.Second
)

// change is new weather on one way to the bucket.
type change struct {
	at      time.Duration // since the beginning
	way     int           // the agent's
	climate string
	weather faultproxy.Weather
}

// weatherLasts is how long the weather stays on each way.
var weatherLasts = span{3 * second, 6 * second}

// drawPlan draws a run of at least that length; 0 is the short run.
func drawPlan(seed uint64, length time.Duration) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	var p plan
	var total time.Duration
	add := func(a act, lasts, rest span) {
		s := step{act: a, agent: r.IntN(agents), lasts: lasts.draw(r), rest: rest.draw(r)}
		s.other = (s.agent + 1 + r.IntN(agents-1)) % agents
		p.steps = append(p.steps, s)
		total += s.lasts + s.rest + restartTook
	}
	if length == 0 {
		for _, i := range r.Perm(len(order)) {
			if lasts, ok := short[order[i]]; ok {
				add(order[i], lasts, restShort)
			}
		}
	}
	for total < length {
		a := order[r.IntN(len(order))]
		add(a, long[a], restLong)
	}
	p.changes = drawWeather(rand.New(rand.NewPCG(seed, 2)), total)
	return p
}

// drawWeather draws the weather of all ways: every climate comes in turn, so that a short run meets each.
func drawWeather(r *rand.Rand, total time.Duration) (changes []change) {
	turn := r.IntN(len(climates))
	for at := time.Duration(0); at < total; at += weatherLasts.draw(r) {
		for _, way := range r.Perm(agents) {
			c := climates[turn%len(climates)]
			turn++
			changes = append(changes, change{at, way, c.name, c.draw(r)})
		}
	}
	return changes
}

// String tells the plan.
func (p plan) String() string {
	var b strings.Builder
	for i, s := range p.steps {
		fmt.Fprintf(&b, "%2d. %s\n", i+1, s)
	}
	fmt.Fprintf(&b, "%d changes of the weather; the first: %s", len(p.changes), p.changes[0].weather)
	return b.String()
}

// String tells the step.
func (s step) String() string {
	switch s.act {
	case outage, refusal:
		return fmt.Sprintf("%s for %v, rest %v", s.act, s.lasts, s.rest)
	case rolling, crashAll:
		return fmt.Sprintf("%s, rest %v", s.act, s.rest)
	case killTwo, sleepAndKill:
		return fmt.Sprintf("%s: agents %d and %d for %v, rest %v", s.act, s.agent, s.other, s.lasts, s.rest)
	}
	return fmt.Sprintf("%s: agent %d for %v, rest %v", s.act, s.agent, s.lasts, s.rest)
}
