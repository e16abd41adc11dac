package control

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// enoughPayload is when an entry takes no further command: readers hold many entries at once. maxPayload is the most that
// fits; the rest is for the count before the outcomes.
const (
	enoughPayload = 2 << 20
	maxPayload    = journal.MaxPayloadBytes - 16
)

// write brings what followers sent, and, with own set, this agent's calls into the journal: one entry of them. What is
// left is for the next round. Barriers of w are released: whatever came of the entry, the journal's end was seen.
func (l *loop) write(w *work, own bool) error {
	if err := l.courtesy(); err != nil || l.c.stop.Stopped() {
		return err
	}
	p, rest, next, err := l.decideAll(own)
	if err != nil {
		return err
	}
	if len(p.Outcomes) == 0 {
		l.backlog = nil
		return nil
	}
	won, err := l.append(next, p)
	if err != nil || l.c.stop.Stopped() {
		return err
	}
	if won {
		l.backlog = rest
		if link := l.member.sequencerUp; link != 0 {
			l.c.peers.Send(link, msgLook, nil) // it does not expect entries of its followers
		}
	}
	l.release(w)
	l.judge() // under constant load there is no other look at the journal's end
	return nil
}

// candidate is a command that may come into the next entry.
type candidate struct {
	meta.Command
	own bool
}

// candidates lists this agent's calls, with own set, and the commands of followers: the ones first, then the others, in
// turns, so that neither starve when an entry does not hold all.
func (l *loop) candidates(own bool) []candidate {
	var mine, others []candidate
	if own {
		for _, cmd := range l.own() {
			mine = append(mine, candidate{cmd, true})
		}
	}
	for _, cmd := range l.backlog {
		others = append(others, candidate{cmd, false})
	}
	if l.othersTurn {
		return append(others, mine...)
	}
	return append(mine, others...)
}

// decideAll decides the candidates against a fork of the believed state, which it gives back; rest is what did not fit of
// the backlog.
func (l *loop) decideAll(own bool) (p meta.Payload, rest []meta.Command, next *meta.State, err error) {
	next = l.state.Fork()
	slot, _ := l.journal.Position()
	next.Begin(slot+1, l.now())
	rules := meta.NewRules(l.c.config.Static, next.Admin.Configs())
	rules.Level = l.level()
	all := l.candidates(own)
	commits := decidedCommits{}
	for i := range all {
		o, isNew := meta.Decide(next, all[i].Command, next.Time, rules)
		if !isNew {
			l.c.counts.undecided(o.Verdict.Refused)
			if all[i].own {
				l.repeated(all[i].Command, next.Time, rules)
			}
			continue
		}
		if len(o.Events) > 0 && l.overtaken(&all[i].Command, commits) && !plant.LeftOut(plant.CommitsInOrder) {
			o.Events, o.Verdict = nil, meta.Refuse(all[i].Op, base.CoordinatorNotAvailable, "")
		}
		size := p.Add(o)
		if size > maxPayload {
			p.Drop()
			if len(p.Outcomes) > 0 {
				return p, l.leave(all[i:]), next, nil
			}
			// It fits no entry. A command without an outcome would stop all that follow it, on every agent it came to.
			o.Events, o.Verdict = nil, meta.Refuse(all[i].Op, base.MessageTooLarge, "what follows from this does not fit one entry of the journal: ask for less at once")
			size = p.Add(o)
		}
		if err := next.Apply(&o); err != nil {
			// Decide and Apply of the same build disagree: nothing was written, and nothing must be.
			return p, nil, nil, base.Errorf(base.UnknownServerError, "control: a decided command does not fit the state, a bug of this version: %w", err)
		}
		commits.note(&o)
		if size >= enoughPayload {
			return p, l.leave(all[i+1:]), next, nil
		}
	}
	return p, nil, next, nil
}

// leave gives what stays in the backlog.
func (l *loop) leave(all []candidate) (rest []meta.Command) {
	l.othersTurn = !l.othersTurn
	for _, k := range all {
		if !k.own {
			rest = append(rest, k.Command)
		}
	}
	return rest
}

// repeated answers one of this agent's calls that the believed state says is decided already, or can never be. What only
// the fork says is not durable yet: such a call stays. So does one whose session is gone, for lostSession. A follower
// that repeats a command finds its verdict in its own state.
func (l *loop) repeated(cmd meta.Command, now base.Millis, rules meta.Rules) {
	o, isNew := meta.Decide(l.state, cmd, now, rules)
	if isNew || o.Verdict.Refused == base.SessionGone {
		return
	}
	l.c.resolve(func(n uint64) (*meta.Verdict, bool) { return o.Verdict, n == cmd.Number })
}

// own gives this agent's undecided calls as commands.
func (l *loop) own() []meta.Command {
	self := l.c.Self()
	next, live := l.state.Session(self)
	if !live {
		return nil
	}
	l.c.dropStale()
	calls, watermark := l.c.numbered(next)
	cmds := make([]meta.Command, len(calls), len(calls)+16)
	for i, k := range calls {
		cmds[i] = meta.Command{From: self, Number: k.number, Watermark: watermark, Op: k.op}
	}
	return cmds
}

// append proposes p, whose outcomes lead to next. Not won: the state has moved past the winner, so decide again.
func (l *loop) append(next *meta.State, p meta.Payload) (won bool, err error) {
	began := l.c.env.Now()
	if plant.LeftOut(plant.WonBeforeAnswer) {
		l.answer(p.Outcomes)
	}
	_, mine := l.whoseTurn()
	e, status, err := l.journal.Append(l.c.ctx, l.draft(next, p.Bytes()))
	if err != nil {
		return false, err
	}
	switch status {
	case journal.Won:
		now := l.c.env.Now()
		l.turns.wrote, l.turns.moved, l.entryTook = now, now, now.Sub(began)
		l.c.counts.won.Add(1)
		if !mine {
			l.c.counts.taken.Add(1)
		}
		l.stream(e)
		l.adopt(next, e, p.Outcomes)
		return true, nil
	case journal.Reload:
		l.c.counts.redecided.Add(int64(len(p.Outcomes)))
		return false, l.reload()
	case journal.Lost:
		l.c.counts.lost.Add(1)
		l.c.counts.redecided.Add(int64(len(p.Outcomes)))
		l.turns.lost = l.c.env.Now()
		return false, l.catchUpBy(contestedAhead)
	}
	return false, nil // Unknown: the agent is stopping
}

func (l *loop) draft(next *meta.State, payload []byte) journal.Draft {
	return journal.Draft{Writer: l.c.Self(), Time: next.Time, Level: l.level(),
		DigestSlot: l.state.Slot, Digest: l.state.Digest(), Payload: payload}
}

// level is the feature level of the next entry: what all know who have to read it.
func (l *loop) level() uint16 { return l.state.Admin.Level(l.c.config.Level) }

// register makes sure that the agent has an incarnation.
func (l *loop) register() error {
	if l.registered || l.c.isDraining() {
		return nil
	}
	op := &admin.Register{Profile: l.c.config.Profile}
	op.Level = l.c.config.Level
	for i := range op.Nonce {
		op.Nonce[i] = byte(l.c.env.Uint64())
	}
	for !l.c.stop.Stopped() {
		if a, ok := l.state.Admin.ByNonce(op.Nonce); ok {
			l.c.self.Store(uint32(a.Incarnation))
			l.registered = true
			l.elect()
			return nil
		}
		next := l.state.Fork()
		slot, _ := l.journal.Position()
		next.Begin(slot+1, l.now())
		o, _ := meta.Decide(next, meta.Command{Op: op}, next.Time, meta.Rules{})
		if k := o.Verdict.Kind(); k != base.OK {
			return base.Errorf(k, "the cluster does not take this agent: %s", o.Verdict.Text())
		}
		if err := next.Apply(&o); err != nil {
			return damaged(err)
		}
		var p meta.Payload
		p.Add(o)
		if _, err := l.append(next, p); err != nil {
			return err
		}
	}
	return base.Errorf(base.Stopping, "the agent is stopping")
}

func (c *Control) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// lostSession: the agent was expired. What became of its numbered commands is not known; the others wait for the next
// incarnation.
func (l *loop) lostSession() {
	l.registered = false
	old := l.c.self.Swap(0)
	if !l.c.isDraining() {
		l.c.log.Warn("this agent was expired by another and registers anew", "incarnation", old)
	}
	c := l.c
	c.mu.Lock()
	var lost, kept []*call
	for _, k := range c.calls {
		if k.number != 0 {
			lost = append(lost, k)
		} else {
			kept = append(kept, k)
		}
	}
	c.calls = kept
	c.kicked = true
	draining := c.draining
	c.mu.Unlock()
	if c.peers != nil {
		c.peers.Reset()
	}
	if draining {
		c.failAll(base.Errorf(base.Stopping, "the agent is stopping"))
	}
	for _, k := range lost {
		k.reply.Set(nil, base.Errorf(base.OutcomeUnknown, "agent %d was expired before it knew what became of this: it may or may not have happened", old))
	}
}
