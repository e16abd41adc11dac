package control

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// membership is what the loop knows of the other agents.
type membership struct {
	sequencer   base.Incarnation // of this agent's domain; its own or 0: it writes by itself
	sequencerUp LinkID           // the link to it; 0: none
	foreign     bool             // agents out of this one's reach are registered
	followers   map[LinkID]bool
	recent      []sentEntry
	asks        []ask
	lastAsk     uint64
}

// elect finds out who proposes for this agent's domain: the agent with role sequence that has been there longest. It is
// a courtesy, not a right: whoever cannot reach it writes by itself.
func (l *loop) elect() {
	m := &l.member
	self := l.c.Self()
	sequencer, addr := self, ""
	m.foreign = false
	for _, a := range l.state.Admin.Agents() {
		if !l.sameDomain(a) {
			m.foreign = m.foreign || a.Incarnation != self
			continue
		}
		if a.Roles&admin.RoleSequence != 0 && (a.Incarnation < sequencer || addr == "" && !l.maySequence()) {
			sequencer, addr = a.Incarnation, a.Peer
		}
	}
	if sequencer == m.sequencer {
		return
	}
	if m.sequencerUp != 0 {
		l.unsend(m.sequencerUp)
		l.releaseAsks()
	}
	m.sequencer, m.sequencerUp = sequencer, 0
	l.c.sequencer.Store(uint32(sequencer))
	if sequencer != self && l.c.peers != nil {
		l.c.peers.Open(sequencer, addr)
	}
}

// Sequencer is the agent that proposes for this one's domain: itself, when it writes by itself.
func (c *Control) Sequencer() base.Incarnation { return base.Incarnation(c.sequencer.Load()) }

func (l *loop) maySequence() bool { return l.c.config.Profile.Roles&admin.RoleSequence != 0 }

// sameDomain reports whether a is an agent that this one reaches, or itself.
func (l *loop) sameDomain(a *admin.Agent) bool {
	return a.Incarnation == l.c.Self() || l.c.peers != nil && a.Peer != "" && a.Group == l.c.config.Profile.Group
}

// sequencerLink is the link on which commands go to the sequencer; 0 when this agent writes by itself.
func (l *loop) sequencerLink() LinkID {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.c.env.Now().Before(l.c.bypass) || !l.registered {
		return 0
	}
	return l.member.sequencerUp
}

// followerLinks lists the links of followers in a fixed order.
func (l *loop) followerLinks() []LinkID {
	links := make([]LinkID, 0, len(l.member.followers))
	for link := range l.member.followers {
		links = append(links, link)
	}
	slices.Sort(links)
	return links
}

// domains lists the active network domains by the incarnation of their first agent, and says which is this agent's.
func (l *loop) domains() (firsts []base.Incarnation, mine int) {
	if !l.member.foreign {
		return nil, 0
	}
	self := l.c.Self()
	var own base.Incarnation
	groups := map[string]bool{}
	for _, a := range l.state.Admin.Agents() {
		switch {
		case l.sameDomain(a):
			if own == 0 {
				own = a.Incarnation
				firsts = append(firsts, own)
			}
		case a.Idle:
		case a.Peer == "":
			firsts = append(firsts, a.Incarnation)
		case !groups[a.Group]:
			groups[a.Group] = true
			firsts = append(firsts, a.Incarnation)
		}
	}
	if own == 0 {
		own = self
	}
	return firsts, max(0, slices.Index(firsts, own))
}

// foreignActive reports whether an agent out of reach serves clients.
func (l *loop) foreignActive() bool {
	for _, a := range l.state.Admin.Agents() {
		if !l.sameDomain(a) && !a.Idle {
			return true
		}
	}
	return false
}

// Liveness: the tick looks twice a second; an active agent renews every 3 s, an idle one every minute. An agent counts
// as idle when it has served no client anything worth a word for activeFor.
const (
	tickEvery       = 500 * time.Millisecond
	renewActive     = 3 * time.Second
	renewIdle       = time.Minute
	activeFor       = 20 * time.Second
	forwardPatience = 2 * time.Second
	bypassFor       = 10 * time.Second
	// expireStagger is how much later each further agent proposes an expiry, so that they do not all write the same.
	expireStagger = base.Millis(700)
	expireAgain   = 5 * time.Second
)

// Active tells that a client was served: the agent keeps an active lease for a while, so that its clients find others
// soon if it dies.
func (c *Control) Active() {
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = now
}

// ticks keeps this agent registered and expires others.
func (c *Control) ticks() {
	t := ticker{c: c, asked: map[base.Incarnation]time.Time{}}
	for c.stop.Sleep(tickEvery) {
		if c.Err() != nil {
			return
		}
		t.patience()
		t.renew()
		t.expire()
	}
}

type ticker struct {
	c       *Control
	renewed time.Time                      // when the last renewal was proposed
	lease   base.Millis                    // the agent's RenewBy when it was last looked at
	leased  time.Time                      // when that was seen first
	asked   map[base.Incarnation]time.Time // whose expiry was proposed, and when
}

// patience gives up on a sequencer that takes commands and brings no entries.
func (t *ticker) patience() {
	c := t.c
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) == 0 || c.calls[0].sent == 0 || now.Sub(c.calls[0].since) < forwardPatience {
		return
	}
	for _, k := range c.calls {
		k.sent = 0
	}
	c.bypass = now.Add(bypassFor)
	c.wake.Broadcast()
}

func (t *ticker) renew() {
	c := t.c
	a, ok := c.View().Admin.Agent(c.Self())
	now := c.env.Now()
	if !ok || c.isDraining() || now.Sub(t.renewed) < time.Second {
		return
	}
	c.mu.Lock()
	idle := now.Sub(c.active) > activeFor
	c.mu.Unlock()
	// By the local clock alone: a follower may not hear of the bucket's for a minute.
	if a.RenewBy != t.lease {
		t.lease, t.leased = a.RenewBy, now
	}
	every := renewActive
	if idle {
		every = renewIdle
	}
	if a.Idle == idle && now.Sub(t.leased) < every {
		return
	}
	t.renewed = now
	c.Propose(&admin.Renew{Idle: idle})
}

// expire proposes the end of agents that broke their promise. The first live agent does so at once, the others a
// little later, if it has not been done.
func (t *ticker) expire() {
	c := t.c
	v, now := c.View(), c.Now()
	rank, passed := base.Millis(0), false
	var overdue []base.Incarnation
	for _, a := range v.Admin.Agents() {
		switch {
		case a.Incarnation == c.Self():
			passed = true
		case now <= a.RenewBy && !passed:
			rank++
		case now > a.RenewBy && c.env.Now().Sub(t.asked[a.Incarnation]) > expireAgain:
			overdue = append(overdue, a.Incarnation)
		}
	}
	overdue = slices.DeleteFunc(overdue, func(i base.Incarnation) bool {
		a, _ := v.Admin.Agent(i)
		return now <= a.RenewBy+rank*expireStagger
	})
	if len(overdue) == 0 || c.isDraining() {
		return
	}
	// What looks overdue may have been renewed in entries that this agent has not read.
	v, err := c.Barrier(c.env.Now().Add(5 * time.Second))
	if err != nil {
		return
	}
	for _, i := range overdue {
		t.asked[i] = c.env.Now()
		if a, ok := v.Admin.Agent(i); ok && c.Now() > a.RenewBy {
			c.log.Warn("an agent has not renewed its registration", "agent", i, "address", a.Kafka)
			c.Propose(&admin.Expire{Incarnation: i})
		}
	}
}
