package journal

import (
	"context"
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/objstore"
)

// damageReads is how often an object that is not whole is read before that is taken for true: a bad read of a good
// object does not last.
const damageReads = 4

// Next reads the slot after the position: Believed with the entry (void ones too: they change nothing), Absent, or
// Reload. A damaged entry is an error that names its key.
func (l *Log) Next(ctx context.Context) (Entry, Status, error) {
	l.readAhead(ctx)
	n := l.slot + 1
	pause := backoff{}
	for try := 1; ; try++ {
		s, err := l.sight(ctx, n)
		if err != nil {
			return Entry{}, 0, err
		}
		if !s.found {
			return l.absent(ctx, n, s)
		}
		e, err := decodeSlot(n, s)
		if err == nil {
			return l.take(ctx, e, s)
		}
		if try == damageReads || !errors.Is(err, envelope.ErrDamaged) {
			return l.unreadable(ctx, n, err)
		}
		delete(l.seen, n)
		if !pause.wait(ctx, l.env) {
			return Entry{}, 0, ctx.Err()
		}
	}
}

// glancesMax is how many glances in a row may find nothing before one is made a proper look: an agent that slept for
// longer than W might wait for ever for a slot that is truncated.
const glancesMax = 30

// Glance looks whether there is news, at the cost of one request also where rule R takes a listing: for those who look
// without being asked. False: the next slot seems to be empty, which is not believed, so nothing may be concluded from
// it. True: call Next.
func (l *Log) Glance(ctx context.Context) (news bool, err error) {
	n := l.slot + 1
	if _, ok := l.seen[n]; ok || n <= l.proved.slot || l.glances == glancesMax {
		l.glances = 0
		return true, nil
	}
	s, err := l.look(ctx, n)
	if err != nil || !s.found {
		l.glances++
		return false, err
	}
	l.glances = 0
	l.seen = map[base.Slot]sighting{n: s}
	return true, nil
}

// GlanceOn looks at the slots after one that Glance has found, until one seems to be empty (end), or most of them are found. Next takes
// what was found, and one listing serves for all of it.
func (l *Log) GlanceOn(ctx context.Context, most int) (found int, end bool, err error) {
	first := l.slot + 1
	if _, ok := l.seen[first]; !ok {
		return 0, false, nil
	}
	for ; found < most; found++ {
		n := first + 1 + base.Slot(found)
		s, err := l.look(ctx, n)
		if err != nil || !s.found {
			return found, err == nil, err
		}
		l.seen[n] = s
	}
	return found, false, nil
}

// sight gives what was seen of slot n before, else looks.
func (l *Log) sight(ctx context.Context, n base.Slot) (sighting, error) {
	if s, ok := l.seen[n]; ok {
		return s, nil
	}
	if n == l.end.slot {
		return l.end.sighting, nil
	}
	return l.look(ctx, n)
}

// look reads slot n from the bucket.
func (b *bucket) look(ctx context.Context, n base.Slot) (sighting, error) {
	o, err := b.get(ctx, EntryKey(n), MaxEntryBytes)
	if objstore.Is(err, objstore.NotFound) {
		return sighting{date: dateOf(err)}, nil
	}
	if err != nil {
		return sighting{}, failed("reading "+EntryKey(n), err)
	}
	return sighting{found: true, body: o.Body, lastModified: o.LastModified, date: o.Date}, nil
}

func decodeSlot(n base.Slot, s sighting) (Entry, error) {
	e, err := DecodeEntry(s.body)
	if err == nil && e.Slot != n {
		err = base.Errorf(base.StorageError, "%w: it says it is slot %d", envelope.ErrForeign, e.Slot)
	}
	e.LastModified = s.lastModified
	return e, err
}

func (l *Log) take(ctx context.Context, e Entry, s sighting) (Entry, Status, error) {
	ok, err := l.believe(ctx, e.Slot, s)
	if err != nil {
		return Entry{}, 0, err
	}
	if !ok {
		return Entry{}, Reload, nil
	}
	l.advance(&e)
	// The slot is what it was from the first, and a snapshot of the next one can only have been made after it.
	l.belief.offer(s.lastModified, l.slot+1)
	if l.slot == l.proved.slot && l.chain != l.proved.chain {
		return l.tailChanged(ctx, l.slot)
	}
	return e, Believed, nil
}

func (l *Log) absent(ctx context.Context, n base.Slot, s sighting) (Entry, Status, error) {
	if n <= l.proved.slot {
		return l.tailChanged(ctx, n)
	}
	ok, err := l.believe(ctx, n, s)
	if err != nil {
		return Entry{}, 0, err
	}
	if !ok {
		return Entry{}, Reload, nil
	}
	l.ahead, l.end = 0, end{} // that something was absent does not last
	return Entry{}, Absent, nil
}

// unreadable: if the slot is covered by a snapshot its content does not matter, else it is lost.
func (l *Log) unreadable(ctx context.Context, n base.Slot, cause error) (Entry, Status, error) {
	if n > l.proved.slot {
		ok, err := l.noSnapshotFrom(ctx, n)
		if err != nil {
			return Entry{}, 0, err
		}
		if !ok {
			return Entry{}, Reload, nil
		}
	}
	kind := base.StorageError
	if errors.Is(cause, envelope.ErrNewer) {
		kind = base.UnsupportedVersion
	}
	return Entry{}, 0, base.Errorf(kind, "journal: slot %d (%s) cannot be read, and no snapshot covers it: %w. "+
		"Stopped rather than guess; run: millrace fsck", n, EntryKey(n), cause)
}

// tailChanged: slot n, needed in place of the damaged snapshot, is not what it was. That is as it should be if a newer
// snapshot was made since: Reload.
func (l *Log) tailChanged(ctx context.Context, n base.Slot) (Entry, Status, error) {
	none, err := l.noSnapshotFrom(ctx, l.proved.slot+1)
	switch {
	case err != nil:
		return Entry{}, 0, err
	case !none:
		return Entry{}, Reload, nil
	}
	return Entry{}, 0, base.Errorf(base.StorageError, "journal: slot %d (%s) changed or vanished while it was needed in place of the "+
		"damaged snapshot %s. Stopped rather than guess; run: millrace fsck", n, EntryKey(n), SnapshotKey(l.proved.slot))
}

// Offer takes an entry of the next slot from a peer that believed it. It reports false, and changes nothing, for any
// other slot. An object that is not a whole entry is an error of the peer. What a peer says is no anchor, so the next
// read from the bucket may cost a listing.
func (l *Log) Offer(object []byte, lastModified time.Time) (Entry, bool, error) {
	e, err := DecodeEntry(object)
	if err != nil || e.Slot != l.slot+1 {
		return Entry{}, false, err
	}
	e.LastModified = lastModified
	l.advance(&e)
	return e, true, nil
}
