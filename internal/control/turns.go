package control

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// Domains that share nothing but the bucket take turns at its slots: slot n is by courtesy that of domain n mod k.
//
// The others wait a moment before they take a slot that is not theirs: enough for one as near as they are. One that is
// farther cannot even read the journal at the pace of a near and busy one, let alone write to it. So a domain that keeps
// writing without a rest waits long for each other domain now and then: for that long again and again in each longEvery
// times as long, unless the other has been heard meanwhile. This bounds how long the farther one waits for its turn, and
// what the nearer one loses by it: a fifth of its time at most, whatever the number of domains.
const (
	shortWaitMax = 50 * time.Millisecond
	// A long wait is as long as the other needs to see that the slot before is taken and to have its entry there: three
	// requests, more if it has just lost a slot or entries carry data. At most that is for a domain some 100 ms from the bucket;
	// which is not known at first.
	longWaitMin = 100 * time.Millisecond
	longWaitMax = 800 * time.Millisecond
	longEvery   = 4
	// longWaitTimes is the length of a long wait, in times of what the domain needed the last time, which may be luck.
	longWaitTimes = 3
	// overdueAfter is when an active agent that was not heard is at pains to write.
	overdueAfter = renewActive + time.Second
	// pollEvery is how often a waiting agent looks whether the slot is taken: a long wait ends when it is used.
	pollEvery = 20 * time.Millisecond
	// courtesyMax bounds what one entry waits, whatever comes of the looks.
	courtesyMax = 2 * time.Second
	// contestedFor is how long a slot lost to another lets an agent expect more of it.
	contestedFor = 2 * time.Second
)

// turns is what the loop knows of the other domains' turns. Times are the local clock's.
type turns struct {
	wrote      time.Time // when this agent last won a slot
	lost       time.Time // when it last lost one
	moved      time.Time // when the last slot was seen taken
	gave       time.Time // when it last waited long
	neighbours map[domainID]*neighbour
}

// domain is agents that reach each other.
type domain struct {
	domainID
	idle bool // all of them: it hardly wants its turn
}

// domainID names those of an agent group, or one without peers.
type domainID struct {
	group string
	alone base.Incarnation // 0: a group
}

// neighbour is what is known of another domain.
type neighbour struct {
	had   time.Time     // when it last had its chance: it was heard, a long wait for it ended, or the journal rested
	heard time.Time     // when an entry of it was last read
	wait  time.Duration // how long it is waited for when that has to be long
	vain  int           // long waits since, none of them used
}

// used: the domain's entry came took after the slot before it was seen taken.
func (n *neighbour) used(took time.Duration) {
	n.wait = min(max(longWaitTimes*took, n.wait-n.wait/16, longWaitMin), longWaitMax)
}

// unused: a long wait was in vain. An active domain is heard every few seconds: if it is not, it needs longer.
func (n *neighbour) unused(now time.Time) {
	n.had = now
	n.vain++
	if now.Sub(n.heard) > overdueAfter {
		n.wait = min(n.wait+n.wait/2, longWaitMax)
	}
}

// courtesy lets others have their turns before this agent writes.
func (l *loop) courtesy() error {
	began := l.c.env.Now()
	for l.c.env.Now().Sub(began) < courtesyMax && !l.c.stop.Stopped() {
		whose, mine := l.whoseTurn()
		if mine {
			return nil
		}
		before, _ := l.journal.Position()
		err := l.giveWay(whose)
		if after, _ := l.journal.Position(); after == before || err != nil {
			return err
		}
	}
	return nil
}

// giveWay waits for a domain to take the next slot, which is its turn: shortly, or until it has, or long enough.
func (l *loop) giveWay(d domain) error {
	t, n, now := &l.turns, l.neighbour(d.domainID), l.c.env.Now()
	every := longEvery * n.wait
	if n.vain > 1 { // one of them may have been too short
		every *= 2
	}
	switch {
	case now.Sub(t.wrote) > n.wait:
		n.had = now // the journal rested: it could have written
	case now.Sub(n.had) > every && now.Sub(t.gave) > every:
		return l.waitLong(n)
	}
	switch {
	case d.idle:
	case now.Sub(t.lost) < contestedFor:
		_, err := l.watchSlot(2 * l.entryTook)
		return err
	default:
		l.c.env.Sleep(min(l.entryTook, shortWaitMax))
	}
	return nil
}

// waitLong waits for the domain whose turn it is, for as long as that may need. If a third one takes the slot, the domain
// has not had its chance, and is waited for at its next turn, until all wait at the same time.
func (l *loop) waitLong(n *neighbour) error {
	l.c.counts.given.Add(1)
	began, before := l.c.env.Now(), l.turns.moved
	taken, err := l.watchSlot(n.wait)
	switch now := l.c.env.Now(); {
	case n.heard.After(began):
		l.turns.gave = now
		n.used(n.heard.Sub(before))
	case !taken:
		l.turns.gave = now
		n.unused(now)
	}
	return err
}

// watchSlot looks at the next slot until it is taken, for as long as wait.
func (l *loop) watchSlot(wait time.Duration) (taken bool, err error) {
	for began := l.c.env.Now(); l.c.env.Now().Sub(began) < wait && !l.c.stop.Stopped(); {
		l.c.env.Sleep(min(pollEvery, wait))
		news, err := l.journal.Glance(l.c.ctx)
		if err != nil {
			return false, err
		}
		if news {
			if end, err := l.step(); !end || err != nil {
				return true, err
			}
		}
	}
	return false, nil
}

// whoseTurn is the domain whose turn the next slot is; mine if it is this agent's own.
func (l *loop) whoseTurn() (whose domain, mine bool) {
	if !l.member.foreign {
		return domain{}, true
	}
	all, own := l.domains()
	if len(all) == 0 {
		return domain{}, true
	}
	slot, _ := l.journal.Position()
	turn := int(uint64(slot+1) % uint64(len(all)))
	return all[turn], turn == own
}

// domains lists the network domains by the incarnation of their first agent, and says which is this agent's; -1: none.
func (l *loop) domains() (all []domain, own int) {
	own = -1
	at := map[domainID]int{}
	for _, a := range l.state.Admin.Agents() {
		id, mine := l.domainOf(a)
		i, known := at[id]
		if !known {
			i = len(all)
			at[id], all = i, append(all, domain{id, true})
		}
		all[i].idle = all[i].idle && a.Idle
		if mine {
			own = i
		}
	}
	return all, own
}

// domainOf gives an agent's domain.
func (l *loop) domainOf(a *admin.Agent) (id domainID, mine bool) {
	switch {
	case l.sameDomain(a):
		return domainID{alone: l.c.Self()}, true
	case a.Peer == "":
		return domainID{alone: a.Incarnation}, false
	}
	return domainID{group: a.Group}, false
}

// neighbour gives what is known of a domain.
func (l *loop) neighbour(d domainID) *neighbour {
	t := &l.turns
	n := t.neighbours[d]
	if n == nil {
		if t.neighbours == nil || len(t.neighbours) >= admin.MaxAgents {
			t.neighbours = map[domainID]*neighbour{} // most are gone
		}
		now := l.c.env.Now()
		n = &neighbour{had: now, heard: now, wait: longWaitMax}
		t.neighbours[d] = n
	}
	return n
}

// heardOf notes that an entry of an agent was read.
func (l *loop) heardOf(writer base.Incarnation) {
	a, ok := l.state.Admin.Agent(writer)
	if !ok || !l.member.foreign {
		return
	}
	if d, mine := l.domainOf(a); !mine {
		n := l.neighbour(d)
		n.had, n.heard, n.vain = l.turns.moved, l.turns.moved, 0
	}
}
