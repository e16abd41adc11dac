package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/objstore"
)

// goneReads is how often in a row a snapshot that is listed may prove incomplete before that is damage. Parts vanish
// under a slow reader when a newer snapshot has taken over, and then the next listing shows that one.
const goneReads = 3

// Restorer receives a snapshot.
type Restorer interface {
	// Begin drops what was received before: a snapshot that turns out damaged or deleted half-way is followed by another.
	// Slot 0 is the genesis, the empty state.
	Begin(m Manifest) error
	// Part gives one part, in the manifest's order. body is the Restorer's own.
	Part(key string, body []byte) error
}

// unusable is a snapshot that cannot be read whole.
type unusable struct {
	slot     base.Slot
	manifest *Manifest // nil if not even that could be read
	cause    error
}

func (u *unusable) Error() string {
	return fmt.Sprintf("%s cannot be used: %v", SnapshotKey(u.slot), u.cause)
}
func (u *unusable) Unwrap() error { return u.cause }

// Load gives the newest valid snapshot to r and positions the Log after it, or at the genesis when there is none. If the
// newest is damaged it takes an older one, but only when the slots between are all there and lead to the chain hash that
// the damaged one is known to have: then Manifest.Warning tells. Otherwise it stops with StorageError. Errors of r are
// passed on. It ends reading ahead.
func (l *Log) Load(ctx context.Context, r Restorer) (Manifest, error) {
	l.seen, l.ahead, l.end, l.proved.slot = nil, 0, end{}, 0
	if err := l.learnDate(ctx); err != nil {
		return Manifest{}, err
	}
	newest := base.Slot(0)
	for pause, tries := (backoff{}), 1; ; tries++ {
		slots, err := l.listForLoad(ctx)
		if err != nil {
			return Manifest{}, failed("listing "+snapshotPrefix, err)
		}
		if last := slots[len(slots)-1]; last != newest {
			newest, tries = last, 1
		}
		m, err := l.loadOneOf(ctx, slots, tries == goneReads, r)
		if err == nil {
			l.slot, l.chain = m.Slot, m.Chain
			return m, nil
		}
		if _, ok := errors.AsType[*unusable](err); !ok {
			return Manifest{}, err
		}
		if tries == goneReads {
			return Manifest{}, base.Errorf(base.StorageError, "journal: %w. Stopped rather than guess; run: millrace fsck", err)
		}
		if !pause.wait(ctx, l.env) {
			return Manifest{}, ctx.Err()
		}
	}
}

// loadOneOf restores the newest of the listed snapshots. If that is damaged (or keeps being incomplete: gone) an older one.
func (l *Log) loadOneOf(ctx context.Context, slots []base.Slot, gone bool, r Restorer) (Manifest, error) {
	older, newest := slots[:len(slots)-1], slots[len(slots)-1]
	m, err := l.snaps.restore(ctx, newest, r)
	u, ok := errors.AsType[*unusable](err)
	if !ok || objstore.Is(err, objstore.NotFound) && !gone {
		return m, err
	}
	return l.fallBack(ctx, older, u, r)
}

// learnDate makes one request if no Date was received yet, so that the listing that follows makes an anchor.
func (l *Log) learnDate(ctx context.Context) error {
	if !l.clock.last().IsZero() {
		return nil
	}
	_, err := l.head(ctx, clusterKey)
	if objstore.Is(err, objstore.NotFound) {
		return failed("reading "+clusterKey+": the bucket was emptied under this agent", err)
	}
	return err
}

// listForLoad gives the slots of all snapshots in order, the genesis first.
func (l *Log) listForLoad(ctx context.Context) ([]base.Slot, error) {
	before := l.clock.last()
	slots := []base.Slot{0}
	found, err := l.listSnapshots(ctx)
	for _, s := range found {
		slots = append(slots, s.slot)
	}
	if err == nil {
		l.belief.offer(before, slots[len(slots)-1]+1)
	}
	return slots, err
}

// fallBack restores the newest usable one of older in place of the unusable snapshot u.
func (l *Log) fallBack(ctx context.Context, older []base.Slot, u *unusable, r Restorer) (Manifest, error) {
	for _, slot := range slices.Backward(older) {
		m, err := l.snaps.manifest(ctx, slot)
		if err == nil {
			err = l.prove(ctx, m, u)
			if err != nil {
				return Manifest{}, err
			}
			m.Warning = fmt.Sprintf("%v; used %s and the slots after it instead. Run: millrace fsck", u, SnapshotKey(slot))
			err = l.snaps.deliver(ctx, m, r)
		}
		if err == nil {
			return m, nil
		}
		if _, ok := errors.AsType[*unusable](err); !ok {
			return Manifest{}, err
		}
	}
	return Manifest{}, u
}

// prove checks that the slots after m lead to the chain hash of the unusable snapshot u. Rule R cannot say that of slots
// that a snapshot covers; the chain can.
func (l *Log) prove(ctx context.Context, m Manifest, u *unusable) error {
	chain, err := l.walk(ctx, m.Slot, m.Chain, u.slot)
	if err != nil {
		return err
	}
	want, err := l.chainAt(ctx, u)
	if err != nil {
		return err
	}
	if chain != want {
		return &unusable{slot: u.slot, cause: fmt.Errorf("%w; and the slots after %s do not lead to its chain hash", u.cause, SnapshotKey(m.Slot))}
	}
	l.proved.slot, l.proved.chain = u.slot, chain
	return nil
}

// walk follows the chain over slots (from, to].
func (l *Log) walk(ctx context.Context, from base.Slot, chain [32]byte, to base.Slot) ([32]byte, error) {
	for n := from + 1; n <= to; n++ {
		s, err := l.look(ctx, n)
		if err != nil {
			return chain, err
		}
		e, err := decodeSlot(n, s)
		if !s.found {
			err = errors.New("it is not there")
		}
		if err != nil {
			return chain, &unusable{slot: to, cause: fmt.Errorf("it is damaged, and %s, needed in its place, too: %w", EntryKey(n), err)}
		}
		if e.Prev == chain {
			chain = e.Hash
		}
	}
	return chain, nil
}

// chainAt finds the chain hash that snapshot u has: in its manifest, or else in the entry after it.
func (l *Log) chainAt(ctx context.Context, u *unusable) ([32]byte, error) {
	if u.manifest != nil {
		return u.manifest.Chain, nil
	}
	s, err := l.look(ctx, u.slot+1)
	if err != nil {
		return [32]byte{}, err
	}
	if !s.found {
		return [32]byte{}, &unusable{slot: u.slot, cause: fmt.Errorf("%w; and nothing proves the slots before it", u.cause)}
	}
	e, err := decodeSlot(u.slot+1, s)
	if err != nil {
		return [32]byte{}, &unusable{slot: u.slot, cause: fmt.Errorf("%w; and %s too", u.cause, EntryKey(u.slot+1))}
	}
	return e.Prev, nil
}

// damaged reports whether err says that an object is not what it should be, rather than that it could not be read.
func damaged(err error) bool {
	return errors.Is(err, envelope.ErrDamaged) || errors.Is(err, envelope.ErrForeign) || errors.Is(err, envelope.ErrWrongKind)
}
