package journal

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/invariant"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/objstore"
)

const (
	// MaxInFlight is the most entries that one writer has under way. Readers rely on it (Header.Proves): no version may have more.
	MaxInFlight = 8
	// FlightLevel is the feature level that knows entries side by side: before, whoever looked over a journal at its start took an
	// empty slot before entries for a deletion.
	FlightLevel uint16 = 3
)

// proposal is one entry on its way into its slot. The same bytes are sent each time.
type proposal struct {
	entry    Entry
	before   time.Time                  // the last Date received before the entry was first sent
	first    *env.Future[objstore.Meta] // what the store says to the first PUT
	listed   bool                       // a listing begun after that answer showed no snapshot of the slot or a later one
	occupied bool                       // the store said once that the slot is taken
}

// NextSlot is the slot of the next Launch: the one after the position and after all that is under way.
func (l *Log) NextSlot() base.Slot { return l.slot + 1 + base.Slot(len(l.flight)) }

// InFlight is the number of entries launched and not settled.
func (l *Log) InFlight() int { return len(l.flight) }

// Launch sends d for NextSlot and does not wait. Behind an entry that is still under way it is chained to that: should it lose its
// slot, this one is void. At most MaxInFlight are under way, and nothing else is done with the Log but to launch and to settle
// them. answered, if set, is called once when the store has answered: it must not wait. The one error is MessageTooLarge: nothing
// was sent.
func (l *Log) Launch(ctx context.Context, d Draft, answered func()) error {
	n := len(l.flight)
	invariant.Check(n < MaxInFlight, "journal: %d entries are under way", n)
	prev := l.chain
	if n > 0 {
		prev = l.flight[n-1].entry.Hash
	}
	h := Header{Slot: l.NextSlot(), Prev: prev, Writer: d.Writer, Attempt: l.random16(), Time: d.Time, Level: d.Level,
		DigestSlot: d.DigestSlot, Digest: d.Digest}
	object, err := EncodeEntry(h, d.Payload)
	if err != nil {
		return err
	}
	p := &proposal{entry: Entry{Header: h, Payload: d.Payload, Object: object, Hash: sha256.Sum256(object)}, before: l.clock.last(),
		first: env.NewFuture[objstore.Meta](l.env)}
	if answered != nil {
		p.first.OnDone(func(objstore.Meta, error) { answered() })
	}
	l.flight = append(l.flight, p)
	if l.taken(p) {
		p.first.Set(objstore.Meta{}, nil)
		return nil
	}
	l.puts.Go("entry", func() { p.first.Set(l.put(ctx, p)) })
	return nil
}

// taken: the slot was seen taken. Were it empty by now, winning it would prove nothing.
func (l *Log) taken(p *proposal) bool { return p.entry.Slot <= l.proved.slot }

// put makes one request for p.
func (l *Log) put(ctx context.Context, p *proposal) (m objstore.Meta, err error) {
	err = l.try(ctx, func(ctx context.Context) (objstore.Meta, error) {
		m, err = l.store.PutIfAbsent(ctx, EntryKey(p.entry.Slot), p.entry.Object)
		return m, err
	})
	return m, err
}

// Answered reports whether the store has answered for the oldest entry under way: Settle is worth a call.
func (l *Log) Answered() bool { return len(l.flight) > 0 && l.flight[0].first.Done() }

// Settle waits until the fate of the oldest entry under way is known: Won with the entry, Lost, Reload or Unknown. Unless it is
// won nothing is under way any more, as those behind it follow an entry that is not there: they may arrive, and are void then.
func (l *Log) Settle(ctx context.Context) (Entry, Status, error) {
	invariant.Check(len(l.flight) > 0, "journal: nothing is under way")
	p := l.flight[0]
	e, status, err := Entry{}, Lost, error(nil)
	if !l.taken(p) {
		e, status, err = l.propose(ctx, p)
	}
	switch {
	case err == nil && status == Won:
		l.flight = l.flight[1:]
		return e, Won, nil
	case err != nil && ctx.Err() != nil:
		e, status, err = Entry{}, Unknown, nil
	}
	l.flight = nil
	return e, status, err
}

// Rest waits until the store has answered for all that was ever launched, also what nobody will settle. To be called after
// the launches' ctx has ended.
func (l *Log) Rest() { l.puts.Wait(time.Time{}) }

// answeredFlight lists what is under way of which the store has said something by now.
func (l *Log) answeredFlight() (answered []*proposal) {
	for _, p := range l.flight {
		if p.first.Done() {
			answered = append(answered, p)
		}
	}
	return answered
}

// Proves reports whether an entry that lies behind an empty slot proves that an entry was there once, and was believed. If not,
// it is one of those that its writer had under way side by side, and the empty slot is where the journal ends: that writer is about
// to fill it, or died, and then the next one does.
//
// The slot is empty, so a writer that has not believed anything of it stands before it, and sends no further than MaxInFlight from there.
// DigestSlot is the last valid slot that the writer had believed.
func (h *Header) Proves(empty base.Slot) bool {
	return h.Slot >= empty+MaxInFlight || h.Level < FlightLevel || h.DigestSlot >= empty || plant.LeftOut(plant.HoleIsEnd)
}
