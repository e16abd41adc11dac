package journal

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Draft is an entry to append; the Log adds slot, chain and attempt id.
type Draft struct {
	Writer     base.Incarnation
	Time       base.Millis
	Level      uint16
	DigestSlot base.Slot // zero: no digest
	Digest     uint64
	Payload    []byte // at most MaxPayloadBytes
}

// Append proposes d for the slot after the position: Won with the entry, Lost, Reload or Unknown. It never says that an
// entry failed: what was once sent may arrive at any time, so it looks and sends until the slot's fate is known or ctx
// ends. The one error after which nothing was sent is MessageTooLarge.
func (l *Log) Append(ctx context.Context, d Draft) (Entry, Status, error) {
	if l.slot < l.proved.slot {
		return Entry{}, Lost, nil // the slot was seen taken: were it empty by now, winning it would prove nothing
	}
	h := Header{Slot: l.slot + 1, Prev: l.chain, Writer: d.Writer, Attempt: l.random16(), Time: d.Time, Level: d.Level,
		DigestSlot: d.DigestSlot, Digest: d.Digest}
	object, err := EncodeEntry(h, d.Payload)
	if err != nil {
		return Entry{}, 0, err
	}
	e := Entry{Header: h, Payload: d.Payload, Object: object, Hash: sha256.Sum256(object)}
	e, status, err := l.propose(ctx, &proposal{entry: e, before: l.clock.last()})
	if err != nil && ctx.Err() != nil {
		return Entry{}, Unknown, nil
	}
	return e, status, err
}

// proposal is one entry on its way into its slot. The same bytes are sent each time.
type proposal struct {
	entry    Entry
	before   time.Time // the last Date received before the entry was first sent
	occupied bool      // the store said once that the slot is taken
}

// propose sends p until its fate is known. Status 0 of a step means: not yet.
func (l *Log) propose(ctx context.Context, p *proposal) (Entry, Status, error) {
	for pause := (backoff{}); ; {
		e, status, err := l.send(ctx, p)
		if status != 0 || err != nil {
			return e, status, err
		}
		if !pause.wait(ctx, l.env) {
			return Entry{}, 0, ctx.Err()
		}
	}
}

func (l *Log) send(ctx context.Context, p *proposal) (Entry, Status, error) {
	key := EntryKey(p.entry.Slot)
	var date time.Time
	err := l.try(ctx, func(ctx context.Context) (objstore.Meta, error) {
		m, err := l.store.PutIfAbsent(ctx, key, p.entry.Object)
		date = m.Date
		return m, err
	})
	switch {
	case err == nil:
		return l.settle(ctx, p, sighting{found: true, date: date})
	case objstore.Is(err, objstore.Fatal):
		return Entry{}, 0, failed("creating "+key, err)
	case objstore.Is(err, objstore.Throttled):
		return Entry{}, 0, nil
	case objstore.Is(err, objstore.Exists):
		p.occupied = true
	}
	return l.resolve(ctx, p)
}

// resolve looks who has the slot after an answer that did not tell.
func (l *Log) resolve(ctx context.Context, p *proposal) (Entry, Status, error) {
	s, err := l.look(ctx, p.entry.Slot)
	switch {
	case err != nil:
		return Entry{}, 0, err
	case !s.found:
		return l.vacant(ctx, p, s)
	case sha256.Sum256(s.body) == p.entry.Hash:
		l.counts.adopted.Add(1)
		return l.settle(ctx, p, s)
	}
	if e, err := decodeSlot(p.entry.Slot, s); err == nil {
		if plant.LeftOut(plant.AttemptIDs) && e.Writer == p.entry.Writer {
			return l.settle(ctx, p, s)
		}
		l.seen = map[base.Slot]sighting{p.entry.Slot: s} // for the call of Next that follows
	}
	return Entry{}, Lost, nil
}

// settle: the slot was seen to hold p.
func (l *Log) settle(ctx context.Context, p *proposal, s sighting) (Entry, Status, error) {
	ok, err := l.believe(ctx, p.entry.Slot, s)
	if err != nil {
		return Entry{}, 0, err
	}
	if !ok {
		return Entry{}, Reload, nil
	}
	e := p.entry
	e.LastModified = s.lastModified
	l.advance(&e)
	// The entry did not exist when before was received, so neither did a snapshot of the next slot.
	l.belief.offer(p.before, l.slot+1)
	return e, Won, nil
}

// vacant: the slot was seen empty after a send whose outcome is not known.
func (l *Log) vacant(ctx context.Context, p *proposal, s sighting) (Entry, Status, error) {
	n := p.entry.Slot
	ok, err := false, error(nil)
	if p.occupied {
		ok, err = l.noSnapshotFrom(ctx, n)
	} else {
		ok, err = l.believe(ctx, n, s)
	}
	switch {
	case err != nil:
		return Entry{}, 0, err
	case !ok:
		return Entry{}, Reload, nil
	case p.occupied:
		return Entry{}, 0, base.Errorf(base.StorageError, "journal: the bucket %s said that %s exists, then that it does not, "+
			"and no snapshot explains it: the store does not keep its promises. Stopped; run: millrace fsck", l.store.Info().URL, EntryKey(n))
	}
	return Entry{}, 0, nil
}
