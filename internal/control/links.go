package control

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

func (l *loop) linkUp(n news) {
	m := &l.member
	m.suspects = slices.DeleteFunc(m.suspects, func(s suspect) bool { return s.who == n.from })
	if m.met == nil {
		m.met = map[base.Incarnation]bool{}
	}
	m.met[n.from] = true
	if n.from != m.sequencer || m.sequencerUp != 0 {
		return
	}
	slot, _ := l.journal.Position()
	if !l.c.peers.Send(n.link, msgSubscribe, encodeBarrier(0, slot)) {
		return // it is down again
	}
	m.sequencerUp = n.link
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.bypass = time.Time{}
}

func (l *loop) linkDown(w *work, n news) {
	m := &l.member
	delete(m.followers, n.link)
	if n.link != 0 && n.link == m.sequencerUp {
		m.sequencerUp = 0
		l.unsend(n.link)
		l.releaseAsks()
		w.look = true // its last entries, as that by which it left, may not have come
	}
	a, live := l.state.Admin.Agent(n.from)
	if !live {
		delete(m.met, n.from)
	}
	switch {
	case !live || !l.sameDomain(a) || l.c.stop.Stopped():
	case n.link != 0:
		l.c.peers.Open(n.from, a.Peer) // is it gone, or only the connection?
	case n.gone && m.met[n.from]:
		// There was a link, it broke, and the port is closed: that is how a dead process looks. Where a firewall refuses
		// instead, the new incarnation has never been met, and is judged by its signs of life.
		l.expireBroken(a)
	default:
		l.suspect(w, a)
	}
}

// An agent that cannot be reached may live and reach the bucket: then it serves its clients, and expiring it would only
// have it register anew, again and again for as long as the network is broken. lifeSign is how long an active agent has to
// show itself in the journal: above renewActive and the time an entry takes, and short enough that clients of a dead one
// find others within 5 s. It is counted by the local clock, as the bucket's Dates are whole seconds. reopenAfter is when
// one that showed itself is tried again.
const (
	lifeSign    = 4 * time.Second
	reopenAfter = time.Second
)

// suspect is an agent that could not be reached.
type suspect struct {
	who     base.Incarnation
	renewBy base.Millis // its promise then
	since   time.Time
}

func (l *loop) suspect(w *work, a *admin.Agent) {
	m := &l.member
	for _, s := range m.suspects {
		if s.who == a.Incarnation {
			return
		}
	}
	m.suspects = append(m.suspects, suspect{a.Incarnation, a.RenewBy, l.c.env.Now()})
	w.look = true
}

// judge decides on the agents that could not be reached, after a look at the journal's end.
func (l *loop) judge() {
	m, now := &l.member, l.c.env.Now()
	m.suspects = slices.DeleteFunc(m.suspects, func(s suspect) bool {
		a, live := l.state.Admin.Agent(s.who)
		switch {
		case !live:
		case !a.Idle && a.RenewBy != s.renewBy:
			m.reopen, m.reopenAt = append(m.reopen, s.who), now.Add(reopenAfter)
		case !a.Idle && now.Sub(s.since) < lifeSign:
			return false
		default:
			l.expireBroken(a)
		}
		return true
	})
}

func (l *loop) expireBroken(a *admin.Agent) {
	delete(l.member.met, a.Incarnation)
	l.c.log.Warn("an agent cannot be reached", "agent", a.Incarnation, "address", a.Peer)
	l.c.Propose(&admin.Expire{Incarnation: a.Incarnation, Broken: true})
}

// tryAgain connects to those that were let alone, when it is time.
func (l *loop) tryAgain() {
	m := &l.member
	if len(m.reopen) == 0 || l.c.env.Now().Before(m.reopenAt) {
		return
	}
	again := m.reopen
	m.reopen = nil
	for _, i := range again {
		if a, live := l.state.Admin.Agent(i); live {
			l.c.peers.Open(i, a.Peer)
		}
	}
}
