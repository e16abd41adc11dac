package journal

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/invariant"
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
	l.still()
	if err := l.Launch(ctx, d, nil); err != nil {
		return Entry{}, 0, err
	}
	return l.Settle(ctx)
}

// propose waits for the answer to p's first PUT, and sends it until its fate is known. Status 0 of a step means: not yet.
func (l *Log) propose(ctx context.Context, p *proposal) (Entry, Status, error) {
	m, failure := p.first.Wait(time.Time{})
	for pause := (backoff{}); ; {
		e, status, err := l.answered(ctx, p, m, failure)
		if status != 0 || err != nil {
			return e, status, err
		}
		if !pause.wait(ctx, l.env) {
			return Entry{}, 0, ctx.Err()
		}
		p.listed = false
		m, failure = l.put(ctx, p)
	}
}

// answered judges what the store said to a PUT.
func (l *Log) answered(ctx context.Context, p *proposal, m objstore.Meta, err error) (Entry, Status, error) {
	switch {
	case err == nil:
		return l.settle(ctx, p, sighting{found: true, date: m.Date, listed: p.listed})
	case objstore.Is(err, objstore.Fatal):
		return Entry{}, 0, failed("creating "+EntryKey(p.entry.Slot), err)
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
	invariant.Check(!e.Void, "journal: the entry of slot %d was won and is void", e.Slot)
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
