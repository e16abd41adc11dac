package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
)

// head is the last valid entry of a chain.
type head struct {
	slot base.Slot
	hash [32]byte
}

// prove checks that the slots after m lead to the chain hash of the unusable snapshot u. Rule R cannot say that of slots
// that a snapshot covers; the chain can.
func (l *Log) prove(ctx context.Context, m Manifest, u *unusable) error {
	h, err := l.walk(ctx, m, u.slot)
	if err != nil {
		return err
	}
	if u.manifest == nil {
		err = l.confirm(ctx, h, u)
	} else if u.manifest.Chain != h.hash {
		err = u.because("the slots after %s do not lead to its chain hash", SnapshotKey(m.Slot))
	}
	if err != nil {
		return err
	}
	l.proved.slot, l.proved.chain = u.slot, h.hash
	return nil
}

// because gives u with one more reason why nothing can stand in for it.
func (u *unusable) because(format string, args ...any) error {
	return &unusable{slot: u.slot, cause: fmt.Errorf("%w; and %s", u.cause, fmt.Sprintf(format, args...))}
}

// walk follows the chain over the slots after m, up to one. Where none of them is valid the head is m's own, in m's slot.
func (l *Log) walk(ctx context.Context, m Manifest, to base.Slot) (head, error) {
	h := head{m.Slot, m.Chain}
	for n := m.Slot + 1; n <= to; n++ {
		s, err := l.look(ctx, n)
		if err != nil {
			return h, err
		}
		e, err := decodeSlot(n, s)
		if !s.found {
			err = errors.New("it is not there")
		}
		if err != nil {
			return h, &unusable{slot: to, cause: fmt.Errorf("it is damaged, and %s, needed in its place, too: %w", EntryKey(n), err)}
		}
		if e.Prev == h.hash {
			h = head{n, e.Hash}
		}
	}
	return h, nil
}

// confirm has the entries after snapshot u, whose manifest cannot be read, say that the chain up to it ends in h. One that follows h
// does not say that by itself: where it was sent behind an entry that was under way, both may have come to nothing, and the other
// may lie where the one that won was deleted. It takes an entry on top of h whose writer had believed h, or what comes after.
func (l *Log) confirm(ctx context.Context, h head, u *unusable) error {
	top := h
	for n := u.slot + 1; n <= u.slot+MaxInFlight; n++ {
		s, err := l.look(ctx, n)
		if err != nil {
			return err
		}
		if !s.found {
			break
		}
		e, err := decodeSlot(n, s)
		switch {
		case err != nil:
			return u.because("%s too", EntryKey(n))
		case e.Prev != top.hash:
			continue
		case top.slot < n-1 || e.Level < FlightLevel || e.DigestSlot >= h.slot:
			return nil // no entry that was under way was before it, or it was behind h
		}
		top = head{n, e.Hash}
	}
	return u.because("nothing proves that the slots before it lead to its chain hash")
}
