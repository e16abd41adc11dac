package control

import (
	"math"
	"time"

	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// InFlightMax is how many entries are under way at most, no more than journal.MaxInFlight: docs/rfcs/0004-flight.md has what other
// numbers come to.
const InFlightMax = 4

// DefaultFlightBytes is how much an entry has to commit to be sent behind one that is under way. A small load has one entry in
// flight, and no more of them than before; a PUT more for each so many bytes is little beside those of the data files.
const DefaultFlightBytes = 64 << 10

// attempt is one entry under way.
type attempt struct {
	next     *meta.State // what it leads to
	outcomes []meta.Outcome
	commands []meta.Command // of followers: what became of the backlog
	waits    work           // the barriers that its win answers
	began    time.Time
	mine     bool // the slot is this domain's turn
}

// working is the state that the next entry is decided on: believed, but for what is under way.
func (l *loop) working() *meta.State {
	if n := len(l.flight); n > 0 {
		return l.flight[n-1].next
	}
	return l.state
}

// mayFly reports whether entries may be under way while others are decided. Nobody writes into another domain's turn, nor while an
// agent lives that does not know what it would see; and who lost a slot sees to it that he wins one before he takes two at a time. An
// agent that follows another's stream writes only for want of it: entry by entry, as the stream goes on meanwhile.
func (l *loop) mayFly() bool {
	return l.registered && l.member.sequencerUp == 0 &&
		(!l.member.foreign || plant.LeftOut(plant.OwnTurns)) &&
		(!l.contested || plant.LeftOut(plant.WinFirst)) &&
		(l.level() >= journal.FlightLevel || plant.LeftOut(plant.FlightKnown))
}

// enough is how much this agent's new calls have to commit, beside the backlog, for an entry behind those under way.
func (l *loop) enough() int64 {
	switch {
	case !l.mayFly() || len(l.flight) >= InFlightMax:
		return math.MaxInt64
	case l.cut:
		return 0
	}
	enough := l.c.config.FlightBytes
	for i := range l.backlog {
		enough -= committed(l.backlog[i].Op)
	}
	return max(0, enough)
}

// committed is how many bytes of records a command commits for somebody who waits.
func committed(op meta.Op) int64 {
	if c, ok := op.(*log.CommitSegment); ok {
		return c.SizeBytes
	}
	return 0
}

// pending reports whether an entry is to be written now: behind those that are under way only if it is worth it.
func (l *loop) pending(own bool) bool {
	if len(l.flight) > 0 {
		return l.c.fresh() >= l.enough() // there is none while another writes for this agent
	}
	return len(l.backlog) > 0 || own && l.c.undecided()
}

// fresh is how much the calls commit that came since they were last gone through.
func (c *Control) fresh() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.freshBytes
}

// goneThrough notes that all calls of this moment are looked at for an entry, whether they may come into it or not.
func (c *Control) goneThrough() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.freshBytes = 0
}

// undecided reports whether there are calls on no way to a decision.
func (c *Control) undecided() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasUnsent()
}

// launch sends p, whose outcomes lead to next, behind what is under way. commands are those of followers in it. The barriers of w are
// answered when it is won.
func (l *loop) launch(w *work, next *meta.State, p meta.Payload, commands []meta.Command) error {
	if plant.LeftOut(plant.WonBeforeAnswer) {
		l.answer(p.Outcomes)
	}
	a := attempt{next: next, outcomes: p.Outcomes, commands: commands, began: l.c.env.Now(), mine: true}
	if len(l.flight) > 0 {
		l.c.counts.behind.Add(1)
	} else {
		_, a.mine = l.whoseTurn()
	}
	answered := l.c.nudge
	if plant.LeftOut(plant.FlightInOrder) && len(l.flight) > 0 {
		answered = func() { l.answer(p.Outcomes) }
	}
	if err := l.journal.Launch(l.c.ctx, l.draft(next, p.Bytes()), answered); err != nil {
		return err
	}
	a.waits.barriers, a.waits.asked = w.barriers, w.asked
	w.barriers, w.asked = nil, nil
	l.flight = append(l.flight, a)
	return nil
}

// landAnswered settles what the store has answered for, in order.
func (l *loop) landAnswered() error {
	for l.journal.Answered() {
		if err := l.land(); err != nil {
			return err
		}
	}
	return nil
}

// landAll settles all that is under way: none is afterwards, whatever it came to.
func (l *loop) landAll() error {
	for len(l.flight) > 0 {
		if err := l.land(); err != nil {
			return err
		}
	}
	return nil
}

// land settles the oldest entry under way. Not won: the state has moved past the winner, and all is to be decided again.
func (l *loop) land() error {
	a := l.flight[0]
	e, status, err := l.journal.Settle(l.c.ctx)
	if err == nil && status == journal.Won {
		l.flight, l.contested = l.flight[1:], false
		l.won(&a, e)
		return nil
	}
	waits := l.drop()
	switch {
	case err != nil:
	case status == journal.Reload:
		err = l.reload()
	case status == journal.Lost:
		l.c.counts.lost.Add(1)
		l.turns.lost = l.c.env.Now()
		err = l.catchUpBy(contestedAhead)
	}
	if err != nil || l.c.stop.Stopped() {
		l.handBack(&waits)
		return err
	}
	l.release(&waits)
	return nil
}

// won takes over what a leads to.
func (l *loop) won(a *attempt, e journal.Entry) {
	now := l.c.env.Now()
	l.turns.wrote, l.turns.moved, l.entryTook = now, now, now.Sub(a.began)
	l.c.counts.won.Add(1)
	if !a.mine {
		l.c.counts.taken.Add(1)
	}
	l.stream(e)
	l.adopt(a.next, e, a.outcomes)
	if link := l.member.sequencerUp; link != 0 {
		l.c.peers.Send(link, msgLook, nil) // it does not expect entries of its followers
	}
	l.release(&a.waits)
}

// drop forgets all that is under way: the oldest has not won, and what is behind it is void. What it held of the backlog is there again, in
// order; this agent's calls have never left the queue. It gives the barriers that waited.
func (l *loop) drop() (waits work) {
	var commands []meta.Command
	for i, a := range l.flight {
		l.c.counts.redecided.Add(int64(len(a.outcomes)))
		if i > 0 {
			l.c.counts.grounded.Add(1)
		}
		if plant.LeftOut(plant.FlightDropped) && i > 0 {
			l.answer(a.outcomes)
			continue
		}
		commands = append(commands, a.commands...)
		waits.barriers = append(waits.barriers, a.waits.barriers...)
		waits.asked = append(waits.asked, a.waits.asked...)
	}
	l.backlog = append(commands, l.backlog...)
	l.flight, l.contested = nil, true
	return waits
}
