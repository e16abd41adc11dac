package control

import (
	"maps"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// Liveness: the ticks look twice a second; an active agent renews every 3 s, an idle one so seldom that it costs next to
// nothing, unless it is challenged. An agent counts as idle when it has served no client anything worth a word for
// activeFor, and when nobody is there who could take its clients over.
const (
	tickEvery       = 500 * time.Millisecond
	renewActive     = 3 * time.Second
	renewIdle       = 240 * time.Second
	renewIdleBefore = 60 * base.Millis(1000) // the end of an idle one's promise; more than a challenge leaves
	activeFor       = 20 * time.Second
	forwardPatience = 2 * time.Second
	bypassFor       = 10 * time.Second
	// expireStagger is how much later each further agent proposes an expiry, so that they do not all write the same; past
	// expireRankMax they come together rather than too late.
	expireStagger  = base.Millis(700)
	expireRankMax  = 5
	expireAgain    = 5 * time.Second
	challengeAgain = time.Minute
)

// Active tells that a client was served: the agent keeps an active lease for a while, so that its clients find others
// soon if it dies.
func (c *Control) Active() {
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = now
}

// ticks keeps this agent registered, and watches over what was forwarded. Nothing in it waits for anybody.
func (c *Control) ticks() {
	t := ticker{c: c}
	for c.stop.Sleep(tickEvery) && c.Err() == nil {
		t.patience()
		t.renew()
	}
}

type ticker struct {
	c       *Control
	renewed time.Time   // when the last renewal was proposed
	lease   base.Millis // the agent's RenewBy when it was last looked at
	leased  time.Time   // when that was seen first
}

// patience gives up on a sequencer that takes commands and brings no entries.
func (t *ticker) patience() {
	c := t.c
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) == 0 || c.calls[0].sent == 0 || now.Sub(c.calls[0].sentAt) < forwardPatience {
		return
	}
	for _, k := range c.calls {
		k.sent = 0
	}
	c.counts.bypassed.Add(1)
	c.bypass = now.Add(bypassFor)
	c.wake.Broadcast()
}

func (t *ticker) renew() {
	c := t.c
	v := c.View()
	a, ok := v.Admin.Agent(c.Self())
	now := c.env.Now()
	if !ok || c.isDraining() || now.Sub(t.renewed) < time.Second {
		return
	}
	c.mu.Lock()
	idle := now.Sub(c.active) > activeFor
	c.mu.Unlock()
	idle = idle || len(v.Admin.Agents()) == 1
	// By the local clock: a follower may not hear of the bucket's for a minute.
	if a.RenewBy != t.lease {
		t.lease, t.leased = a.RenewBy, now
	}
	every := renewActive
	if idle {
		every = renewIdle
	}
	// But for an idle one, whose promise nears its end by the journal's: it was challenged, or its clock is slow.
	ending := a.Idle && a.RenewBy <= v.Time+renewIdleBefore
	if a.Idle == idle && !ending && now.Sub(t.leased) < every {
		return
	}
	t.renewed = now
	c.Propose(&admin.Renew{Idle: idle})
}

// watch expires others.
func (c *Control) watch() {
	w := watcher{c: c, asked: map[base.Incarnation]time.Time{}}
	for c.stop.Sleep(tickEvery) && c.Err() == nil {
		v := c.View()
		if due := w.overdue(v); len(due) > 0 && !c.isDraining() && c.Self() != 0 {
			w.expire(due)
		}
		maps.DeleteFunc(w.asked, func(i base.Incarnation, _ time.Time) bool { return !v.Admin.Live(i) })
	}
}

type watcher struct {
	c     *Control
	asked map[base.Incarnation]time.Time // whose expiry was proposed, and when
}

// overdue lists the agents that broke their promise and whose expiry is this agent's to propose: the first live agent
// does so at once, the others a little later, if it has not been done. Time is the bucket's, as entries have it: a wrong
// local clock makes nobody overdue.
func (w *watcher) overdue(v meta.View) (overdue []base.Incarnation) {
	c := w.c
	now := c.loop.now()
	agents := v.Admin.Agents()
	rank := base.Millis(0)
	for _, a := range agents {
		if a.Incarnation == c.Self() {
			break
		}
		if now <= a.RenewBy && rank < expireRankMax {
			rank++
		}
	}
	for _, a := range agents {
		late := a.Incarnation != c.Self() && now > a.RenewBy+rank*expireStagger
		if asked, ok := w.asked[a.Incarnation]; late && (!ok || c.env.Now().Sub(asked) > expireAgain) {
			overdue = append(overdue, a.Incarnation)
		}
	}
	return overdue
}

func (w *watcher) expire(overdue []base.Incarnation) {
	c := w.c
	// What looks overdue may have been renewed in entries that this agent has not read.
	v, err := c.Barrier(c.env.Now().Add(5 * time.Second))
	if err != nil {
		return
	}
	for _, i := range overdue {
		w.asked[i] = c.env.Now()
		if a, ok := v.Admin.Agent(i); ok && c.loop.now() > a.RenewBy {
			c.log.Warn("an agent has not renewed its registration", "agent", i, "address", a.Kafka)
			c.Propose(&admin.Expire{Incarnation: i})
		}
	}
}

// challenge asks idle agents of which no link tells that they live to show it, when a client may have lost its agent.
func (l *loop) challenge(w *work) {
	if !w.suspect || !l.registered || l.c.isDraining() {
		return
	}
	m, now := &l.member, l.c.env.Now()
	if m.challenged == nil {
		m.challenged = map[base.Incarnation]time.Time{}
	}
	maps.DeleteFunc(m.challenged, func(_ base.Incarnation, at time.Time) bool { return now.Sub(at) >= challengeAgain })
	linked := map[base.Incarnation]bool{l.c.Self(): true}
	for _, i := range m.followers {
		linked[i] = true
	}
	following := l.sequencerLink() != 0
	for _, a := range l.state.Admin.Agents() {
		told := linked[a.Incarnation] || following && l.sameDomain(a) // the sequencer would tell
		if _, asked := m.challenged[a.Incarnation]; told || asked || !a.Idle || a.RenewBy <= l.now()+admin.ChallengeLease {
			continue
		}
		m.challenged[a.Incarnation] = now
		l.c.counts.challenged.Add(1)
		l.c.Propose(&admin.Challenge{Incarnation: a.Incarnation})
	}
}
