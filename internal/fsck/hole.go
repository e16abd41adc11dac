package fsck

import (
	"context"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore"
)

// endAtHole ends the list of entries before the first empty slot after the newest snapshot, if none of the entries behind it proves that
// it was filled once: then a writer with several under way is about to fill it, or died (RFC 4). Else fold names it.
func (f *folder) endAtHole(ctx context.Context) error {
	last := base.Slot(0)
	if n := len(f.snapshots); n > 0 {
		last = f.snapshots[n-1].slot // whoever made it had believed its slot
	}
	i := f.place(after(last))
	for ; i < len(f.entries) && f.entries[i] == after(last); i++ {
		last = f.entries[i]
	}
	behind := f.entries[i:]
	if len(behind) == 0 {
		return nil
	}
	empty := after(last)
	if filled, err := f.filledOnce(ctx, empty, behind); err != nil || filled {
		return err
	}
	if err := f.absent(ctx, empty); err != nil {
		return err
	}
	f.report.add(Note, journal.EntryKey(empty), "the entry is not there, but %s is, sent along with it: its writer is at it, or died. The journal ends before it; "+
		"the next writer fills it", journal.EntryKey(behind[0]))
	f.entries = f.entries[:i]
	return nil
}

// filledOnce reports whether one of the entries behind an empty slot was written by somebody who had read one there.
func (f *folder) filledOnce(ctx context.Context, empty base.Slot, behind []base.Slot) (bool, error) {
	for _, n := range behind[:min(len(behind), journal.MaxInFlight)] {
		o, err := f.get(ctx, journal.EntryKey(n), journal.MaxEntryBytes)
		switch {
		case objstore.Is(err, objstore.NotFound):
			return false, errMoved
		case err != nil:
			return false, err
		}
		if e, err := journal.DecodeEntry(o.Body); err == nil && e.Proves(empty) {
			return true, nil
		}
	}
	return len(behind) >= journal.MaxInFlight, nil
}
