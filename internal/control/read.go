package control

import (
	"errors"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// How many slots are read at once: at the start, first and at most; and, where others wrote faster, first.
const (
	startAhead     = 8
	mostAhead      = journal.AheadAtStart
	contestedAhead = 4
)

// load takes the state from the newest snapshot and all that follows it.
func (l *loop) load() error {
	l.state = meta.New()
	r := &restorer{}
	m, err := l.journal.Load(l.c.ctx, r)
	if err != nil {
		return err
	}
	if m.Warning != "" {
		l.c.counts.passedOver.Add(1)
		l.c.log.Error("a damaged snapshot was passed over", "warning", m.Warning)
	}
	if m.Slot > 0 {
		if l.state, err = r.finish(m); err != nil {
			return err
		}
		l.snap.loaded(m, l.state)
		l.state = l.state.Fork()
	}
	l.journal.ReadAhead(startAhead, mostAhead)
	return l.replay()
}

// replay applies what is in the journal in one go, without publishing what lies between.
func (l *loop) replay() error {
	for {
		e, status, err := l.journal.Next(l.c.ctx)
		switch {
		case err != nil:
			return err
		case status == journal.Reload:
			return l.load()
		case status == journal.Absent:
			l.publish(l.state, Change{Everything: true})
			l.commits = commitsAfter(l.state.Slot)
			return nil
		}
		if e.Void {
			continue
		}
		outcomes, err := l.decode(e)
		if err != nil {
			return err
		}
		if err := l.compare(e); errors.Is(err, errSuperseded) {
			return l.load()
		} else if err != nil {
			return err
		}
		if err := applyTo(l.state, e, outcomes); err != nil {
			return damaged(err)
		}
		l.snap.applied(e, outcomes)
	}
}

// restorer gathers a snapshot's parts into a state.
type restorer struct{ r *meta.Restorer }

func (r *restorer) Begin(journal.Manifest) error {
	r.r = meta.NewRestorer()
	return nil
}

func (r *restorer) Part(key string, body []byte) error { return r.r.Part(key, body) }

func (r *restorer) finish(m journal.Manifest) (*meta.State, error) {
	s, err := r.r.Finish()
	if err != nil {
		return nil, damaged(fmt.Errorf("snapshot %d: %w", m.Slot, err))
	}
	if s.Digest() != m.Digest {
		return nil, damaged(fmt.Errorf("snapshot %d: the state read from it has digest %x, its manifest says %x", m.Slot, s.Digest(), m.Digest))
	}
	return s, nil
}

func damaged(err error) error {
	return base.Errorf(base.StorageError, "control: journal and state disagree: %w; stopped rather than guess: run millrace fsck", err)
}

// catchUp reads and applies entries until the next slot is empty, seen so after the call.
func (l *loop) catchUp() error { return l.catchUpBy(1) }

// catchUpBy reads that many slots at once at first.
func (l *loop) catchUpBy(ahead int) error {
	l.journal.ReadAhead(ahead, mostAhead)
	for {
		if end, err := l.step(); end || err != nil {
			return err
		}
	}
}

// glance is a catchUp that nobody depends on: that the next slot is empty need not be proved.
func (l *loop) glance() error {
	if _, active := l.unheard(); !active {
		return l.glanceIdly()
	}
	for range 2 {
		if news, err := l.peek(); !news || err != nil {
			return err
		}
		if end, err := l.step(); end || err != nil {
			return err
		}
	}
	return l.catchUpBy(contestedAhead) // others are at it
}

// glanceIdly is a glance where all who are not heard are idle. They renew now and then, several between two looks: that is no contest,
// and one listing is to serve for all of it rather than what is read be known a little sooner.
func (l *loop) glanceIdly() error {
	if news, err := l.peek(); !news || err != nil {
		return err
	}
	more, tail, err := l.journal.GlanceOn(l.c.ctx, contestedAhead-1)
	if err != nil {
		return err
	}
	for range 1 + more {
		if end, err := l.step(); end || err != nil {
			return err
		}
	}
	if tail {
		l.sawEnd()
		return nil
	}
	return l.catchUpBy(contestedAhead)
}

// peek looks whether there is an entry after the position.
func (l *loop) peek() (news bool, err error) {
	news, err = l.journal.Glance(l.c.ctx)
	if err == nil && !news {
		l.sawEnd()
	}
	return news, err
}

// step reads and applies the next entry; end tells that there is none.
func (l *loop) step() (end bool, err error) {
	e, status, err := l.journal.Next(l.c.ctx)
	switch {
	case err != nil:
		return false, err
	case status == journal.Absent:
		l.sawEnd()
		return true, nil
	case status == journal.Reload:
		return true, l.reload()
	}
	return e.Void && plant.LeftOut(plant.VoidsPassedOver), l.take(e)
}

// reload drops the state: a snapshot at or after the next slot exists, so nothing seen there counts.
func (l *loop) reload() error {
	l.c.counts.reloads.Add(1)
	if err := l.load(); err != nil {
		return err
	}
	l.settle()
	l.elect()
	return nil
}

// take applies one believed entry and publishes the state after it.
func (l *loop) take(e journal.Entry) error {
	l.c.counts.read.Add(1)
	l.turns.moved = l.c.env.Now()
	l.heardOf(e.Writer)
	l.stream(e)
	if e.Void {
		l.c.counts.void.Add(1)
		return nil
	}
	outcomes, err := l.decode(e)
	if err != nil {
		return err
	}
	if err := l.compare(e); errors.Is(err, errSuperseded) {
		return l.reload()
	} else if err != nil {
		return err
	}
	next := l.state.Fork()
	if err := applyTo(next, e, outcomes); err != nil {
		return damaged(err)
	}
	l.adopt(next, e, outcomes)
	return nil
}

func (l *loop) decode(e journal.Entry) ([]meta.Outcome, error) {
	if level := l.c.config.Level; e.Level > level {
		return nil, base.Errorf(base.UnsupportedVersion, "control: entry %d is of feature level %d, this version knows %d: start a newer one", e.Slot, e.Level, level)
	}
	outcomes, err := meta.DecodeOutcomes(e.Payload)
	if err != nil {
		return nil, base.Errorf(base.KindOf(err), "control: entry %d: %w", e.Slot, err)
	}
	return outcomes, nil
}

func applyTo(s *meta.State, e journal.Entry, outcomes []meta.Outcome) error {
	s.Begin(e.Slot, e.Time)
	for i := range outcomes {
		if err := s.Apply(&outcomes[i]); err != nil {
			return err
		}
	}
	return nil
}

// adopt makes next, the state after e, the believed one: publishes it and answers this agent's calls.
func (l *loop) adopt(next *meta.State, e journal.Entry, outcomes []meta.Outcome) {
	l.snap.applied(e, outcomes)
	var change Change
	for i := range outcomes {
		for _, ev := range outcomes[i].Events {
			change.note(ev)
			if r, ok := ev.(*log.SegmentRode); ok && l.c.config.Rode != nil {
				l.c.config.Rode(r.Ref, r.Body)
			}
		}
	}
	l.commits.note(e.Slot, outcomes)
	l.publish(next, change)
	l.answer(outcomes)
	if change.Agents {
		l.settle()
		l.elect()
	}
}

// answer gives this agent's calls among outcomes their verdicts.
func (l *loop) answer(outcomes []meta.Outcome) {
	self := l.c.Self()
	verdicts := map[uint64]*meta.Verdict{}
	for i := range outcomes {
		if outcomes[i].From == self && self != 0 {
			verdicts[outcomes[i].Number] = outcomes[i].Verdict
		}
	}
	if len(verdicts) > 0 {
		l.c.resolve(func(n uint64) (*meta.Verdict, bool) {
			v, ok := verdicts[n]
			return v, ok
		})
	}
}

// sawEnd notes that the state was as new as the journal at this moment.
func (l *loop) sawEnd() {
	l.looked = l.c.env.Now()
	l.c.counts.seen.Store(l.looked.UnixMilli())
}

func (l *loop) publish(s *meta.State, change Change) {
	l.sawEnd()
	l.state = s
	l.c.view.Store(s)
	change.View = s
	for _, f := range l.c.subs {
		f(change)
	}
}

// note adds what an event touches.
func (c *Change) note(e meta.Event) {
	switch e := e.(type) {
	case *log.SegmentCommitted:
		c.appended(e.Batches)
	case *log.SegmentRode:
		c.appended(e.Batches)
	case *log.Trimmed:
		c.Partitions = append(c.Partitions, e.Key)
	case *log.ProducersExpired, *log.ProducerIDsAllocated, *log.FilesLanded, *log.ExtentsMerged, *log.FilesRemoved:
	default:
		c.noteTag(e.Tag())
	}
}

func (c *Change) appended(batches []log.Appended) {
	for i := range batches {
		if n := len(c.Partitions); n == 0 || c.Partitions[n-1] != batches[i].Key {
			c.Partitions = append(c.Partitions, batches[i].Key)
		}
	}
}

func (c *Change) noteTag(tag uint8) {
	switch {
	case tag < 64:
		c.Topics = true
	case tag < 128:
		c.Groups = true
	default:
		c.Agents = true
	}
}

// settle looks the agent up in a state that agents joined or left, or that was loaded anew: its calls that were decided
// meanwhile are answered from the state; if it is gone itself, nothing is known of the others.
func (l *loop) settle() {
	self := l.c.Self()
	if self == 0 || !l.registered {
		return
	}
	next, live := l.state.Session(self)
	l.c.resolve(func(n uint64) (*meta.Verdict, bool) {
		v := l.state.Verdict(self, n)
		return v, live && n != 0 && n < next && v != nil
	})
	if !live {
		l.lostSession()
	}
}
