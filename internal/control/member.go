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
	dialed      time.Time        // when a link to it was last asked for
	foreign     bool             // agents out of this one's reach are registered
	followers   map[LinkID]base.Incarnation
	recent      []sentEntry
	recentBytes int
	asks        []ask
	lastAsk     uint64
	suspects    []suspect          // could not be reached; judged after a look at the journal
	reopen      []base.Incarnation // could not be reached, but live: tried again at reopenAt
	reopenAt    time.Time
	challenged  map[base.Incarnation]time.Time
	met         map[base.Incarnation]bool // agents that there was a link with
}

// redialEvery is how often a link to the sequencer is tried while there is none.
const redialEvery = 5 * time.Second

// elect finds out who proposes for this agent's domain: the agent with role sequence that has been there longest. It is
// a courtesy, not a right: whoever cannot reach it writes by itself.
func (l *loop) elect() {
	m := &l.member
	self := l.c.Self()
	sequencer := self
	m.foreign = false
	for _, a := range l.state.Admin.Agents() {
		if !l.sameDomain(a) {
			m.foreign = true
			continue
		}
		if a.Roles&admin.RoleSequence != 0 && (a.Incarnation < sequencer || sequencer == self && !l.maySequence()) {
			sequencer = a.Incarnation
		}
	}
	if sequencer == m.sequencer {
		return
	}
	if m.sequencerUp != 0 {
		l.unsend(m.sequencerUp)
		l.releaseAsks()
	}
	m.sequencer, m.sequencerUp, m.dialed = sequencer, 0, time.Time{}
	l.c.sequencer.Store(uint32(sequencer))
	l.redial()
}

// redial asks for a link to the sequencer while there is none.
func (l *loop) redial() {
	m, now := &l.member, l.c.env.Now()
	if l.c.peers == nil || !l.registered || m.sequencerUp != 0 || m.sequencer == l.c.Self() || now.Sub(m.dialed) < redialEvery {
		return
	}
	if a, ok := l.state.Admin.Agent(m.sequencer); ok {
		m.dialed = now
		l.c.peers.Open(m.sequencer, a.Peer)
	}
}

// Sequencer is the agent that proposes for this one's domain: itself, when it writes by itself.
func (c *Control) Sequencer() base.Incarnation { return base.Incarnation(c.sequencer.Load()) }

func (l *loop) maySequence() bool { return l.c.config.Profile.Roles&admin.RoleSequence != 0 }

// sameDomain reports whether a is an agent that this one should reach, or itself.
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

// bypass has this agent write by itself for a while.
func (l *loop) bypass() {
	l.c.counts.bypassed.Add(1)
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.bypass = l.c.env.Now().Add(bypassFor)
}

// unheard reports whether there are other agents whose entries come to this one by no link, and whether one of them
// serves clients. Of a follower that writes by itself for a while its sequencer hears through a word of its own.
func (l *loop) unheard() (some, active bool) {
	linked := map[base.Incarnation]bool{l.c.Self(): true}
	for _, i := range l.member.followers {
		linked[i] = true
	}
	for _, a := range l.state.Admin.Agents() {
		if !linked[a.Incarnation] {
			some, active = true, active || !a.Idle
		}
	}
	return some, active
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
