package fsck

import (
	"context"
	"fmt"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/objstore"
)

// folder folds the journal.
type folder struct {
	*checker
	entries   []base.Slot // listed, in order
	snapshots []listedSnapshot
	usable    map[base.Slot]manifest
	cover     base.Slot // the newest snapshot that entries and snapshots before it may be deleted for (rule T); 0: none
	covered   base.Slot // the same by any clock of the bucket: others may have deleted for it already
	state     *meta.State
	chain     [32]byte
	last      base.Slot // the entry that was read last
	void      [32]byte  // hash of the last void entry
	broken    bool      // an entry follows a void one: said once
}

// list lists the journal first, then the snapshots: a truncation between the two leaves a snapshot that is newer than
// the entries it deleted. Then what was added to the journal meanwhile: a snapshot of that may be among those listed.
func (f *folder) list(ctx context.Context) error {
	err := f.each(ctx, journalPrefix, func(o objstore.ListEntry) {
		if !f.listedEntry(o) {
			f.report.add(Note, o.Key, "not an object of Millrace")
		}
	})
	if err != nil {
		return err
	}
	last := base.Slot(0)
	if n := len(f.entries); n > 0 {
		last = f.entries[n-1]
	}
	err = f.each(ctx, snapshotPrefix, func(o objstore.ListEntry) {
		if n, ok := slotOf(o.Key, snapshotPrefix, journal.SnapshotKey); ok && n > 0 {
			f.snapshots = append(f.snapshots, listedSnapshot{ListEntry: o, slot: n})
		} else {
			f.report.add(Note, o.Key, "not an object of Millrace")
		}
	})
	if err != nil {
		return err
	}
	return f.eachAfter(ctx, journalPrefix, journal.EntryKey(last), func(o objstore.ListEntry) { f.listedEntry(o) })
}

func (f *folder) listedEntry(o objstore.ListEntry) bool {
	n, ok := slotOf(o.Key, journalPrefix, journal.EntryKey)
	if ok = ok && n > 0; ok {
		f.entries = append(f.entries, n)
	}
	return ok
}

// fold applies the journal from the oldest point that everything after is there of, so that as many snapshots as can be
// are held against what the journal comes to. Where it is broken it goes on from the next usable snapshot.
func (f *folder) fold(ctx context.Context) error {
	ok, err := f.start(ctx)
	if err != nil || !ok {
		return err
	}
	f.report.FirstSlot = f.last
	for at := f.last; ; {
		broken, err := f.follow(ctx, at)
		if err != nil || broken == 0 {
			return f.end(err)
		}
		if at, ok, err = f.resume(ctx, broken); err != nil || !ok {
			return f.end(err)
		}
	}
}

// follow applies the entries after slot at, up to the last or to the one that is broken, which it names.
func (f *folder) follow(ctx context.Context, at base.Slot) (broken base.Slot, err error) {
	for batch := range slices.Chunk(f.entries[f.place(after(at)):], readsAtOnce) {
		objects, errs := make([]objstore.Object, len(batch)), make([]error, len(batch))
		f.parallel(len(batch), func(i int) {
			objects[i], errs[i] = f.get(ctx, journal.EntryKey(batch[i]), journal.MaxEntryBytes)
		})
		for i, slot := range batch {
			switch {
			case objstore.Is(errs[i], objstore.NotFound):
				return 0, errMoved
			case errs[i] != nil:
				return 0, errs[i]
			case slot != after(at):
				if err := f.absent(ctx, after(at)); err != nil {
					return 0, err
				}
				f.report.add(Damage, journal.EntryKey(after(at)), "the entry is not there, but %s is", journal.EntryKey(slot))
				return after(at), nil
			}
			if ok, err := f.entry(slot, objects[i].Body); !ok || err != nil {
				return slot, err
			}
			at, f.last = slot, slot
			f.passed(slot)
		}
		f.step("folding the journal", len(batch))
	}
	return 0, nil
}

// absent makes sure of a slot that was not listed: a folder that is written to meanwhile may be listed without it.
func (f *folder) absent(ctx context.Context, slot base.Slot) error {
	_, err := f.store.Head(ctx, journal.EntryKey(slot))
	switch {
	case objstore.Is(err, objstore.NotFound):
		return nil
	case err == nil:
		return errMoved
	}
	return err
}

// resume takes the state from the oldest usable snapshot that stands for a broken slot.
func (f *folder) resume(ctx context.Context, broken base.Slot) (at base.Slot, ok bool, err error) {
	for _, l := range f.snapshots {
		if m, usable := f.usable[l.slot]; usable && l.slot >= broken {
			return l.slot, true, f.take(ctx, m)
		}
	}
	return 0, false, nil
}

// take makes the state of a snapshot the one that entries are applied to.
func (f *folder) take(ctx context.Context, m manifest) error {
	s, err := f.restore(ctx, m)
	if finding(err) {
		return errMoved // it was usable before
	}
	f.state, f.chain, f.last = s, m.chain, m.slot
	return err
}

// place gives the index of the first listed entry at or after slot.
func (f *folder) place(slot base.Slot) int {
	i, _ := slices.BinarySearch(f.entries, slot)
	return i
}

// start picks the oldest state, the genesis or a usable snapshot, after which no listed slot is missing.
func (f *folder) start(ctx context.Context) (bool, error) {
	last := base.Slot(0)
	if n := len(f.entries); n > 0 {
		last = f.entries[n-1]
	}
	var newest base.Slot
	for _, l := range f.snapshots {
		if _, ok := f.usable[l.slot]; ok {
			newest = l.slot
		}
	}
	if last >= newest && f.whole(0, last) && (last > 0 || len(f.snapshots) == 0) {
		f.state, f.chain = meta.New(), journal.Genesis(f.cluster.ID)
		return true, nil
	}
	for _, l := range f.snapshots {
		m, ok := f.usable[l.slot]
		if !ok || l.slot != newest && (last < newest || !f.whole(l.slot, last)) {
			continue
		}
		if err := f.lost(ctx, l.slot); err != nil {
			return false, err
		}
		return true, f.take(ctx, m)
	}
	if len(f.entries) > 0 && f.entries[0] == 1 {
		f.state, f.chain = meta.New(), journal.Genesis(f.cluster.ID)
		return true, nil
	}
	f.report.add(Damage, journal.EntryKey(1), "the first entry is not there, and no usable snapshot stands for it")
	return false, nil
}

// whole reports whether all slots after from, up to last, are listed.
func (f *folder) whole(from, last base.Slot) bool {
	if last <= from {
		return true
	}
	return uint64(len(f.entries)-f.place(after(from))) == uint64(last-from)
}

// lost names slots that should be there: those that no snapshot stands for that is old enough to delete them.
func (f *folder) lost(ctx context.Context, from base.Slot) error {
	for n := after(f.covered); n <= from; n++ {
		if i := f.place(n); i == len(f.entries) || f.entries[i] != n {
			if err := f.absent(ctx, n); err != nil {
				return err
			}
			f.report.add(Damage, journal.EntryKey(n), "the entry is not there, and no snapshot was old enough to delete it for; a newer snapshot stands for it")
			return nil
		}
	}
	return nil
}

// unused names the entries that rule T lets go, but for those from the first on in which something rides.
func (f *folder) unused() {
	if f.checker.state == nil {
		return
	}
	if n := f.place(min(after(f.cover), f.keep)); n > 0 {
		f.report.sweepable(sweepJournal, Garbage, journal.EntryKey(f.entries[0]), "%d entries up to %s are not needed any more: %s stands for them",
			n, journal.EntryKey(f.entries[n-1]), journal.SnapshotKey(f.cover))
	}
}

// entry checks and applies one entry; false: nothing after it can be checked. An error says that this program is too old.
func (f *folder) entry(slot base.Slot, object []byte) (bool, error) {
	key := journal.EntryKey(slot)
	e, err := journal.DecodeEntry(object)
	if err == nil && e.Slot != slot {
		err = fmt.Errorf("it says it is slot %d", e.Slot)
	}
	switch {
	case beyond(err):
		return false, fmt.Errorf("%s: %w", key, err)
	case err != nil && slot <= f.cover:
		f.report.add(Note, key, "the entry cannot be read, and %s stands for what it says: %v", journal.SnapshotKey(f.cover), err)
		return false, nil
	case err != nil:
		f.report.add(Damage, key, "the entry cannot be read: %v", err)
		return false, nil
	case e.Prev != f.chain && slot == 1:
		// The first entry follows the genesis, whoever wrote it: this one follows that of another cluster id.
		f.report.add(Damage, key, "the journal is of another cluster than cluster.json: restore the one or the other from a copy")
		return false, nil
	case e.Prev != f.chain:
		f.skip(key, &e)
		return true, nil
	}
	f.chain = e.Hash
	if e.DigestSlot != 0 && e.DigestSlot == f.state.Slot {
		f.report.DigestsCompared++
		if e.Digest != f.state.Digest() {
			f.report.add(Damage, key, "agent %d had digest %x after slot %d, the journal folds to %x", e.Writer, e.Digest, e.DigestSlot, f.state.Digest())
		}
	}
	err = apply(f.state, e)
	switch {
	case beyond(err):
		return false, fmt.Errorf("%s: %w", key, err)
	case err != nil:
		f.report.add(Damage, key, "the entry does not fit the state before it: %v", err)
		f.state = nil
		return false, nil
	}
	f.report.Entries++
	f.report.Level = e.Level
	return true, nil
}

// skip notes a void entry. A writer knows what became of an entry before it writes the next (RFC 2): one that follows a void
// entry was written by somebody who found that valid. The entry before both was replaced since, and they were acknowledged.
func (f *folder) skip(key string, e *journal.Entry) {
	f.report.VoidEntries++
	follows := e.Prev == f.void && f.void != [32]byte{}
	if follows && !f.broken {
		f.broken = true
		f.report.add(Damage, key, "void, as the entry before it, which it follows: they were valid when they were written, and an earlier entry is "+
			"not the one they were written behind. What they and those after them say is lost unless that one is restored")
	} else if !follows {
		f.report.add(Note, key, "void: agent %d wrote it behind another entry than the last valid one; every reader skips it", e.Writer)
	}
	f.void = e.Hash
}

func apply(s *meta.State, e journal.Entry) error {
	if e.Level > meta.FeatureLevel {
		return base.Errorf(base.UnsupportedVersion, "it is of feature level %d, this version knows %d: run a newer one", e.Level, meta.FeatureLevel)
	}
	outcomes, err := meta.DecodeOutcomes(e.Payload)
	if err != nil {
		return err
	}
	s.Begin(e.Slot, e.Time)
	for i := range outcomes {
		if err := s.Apply(&outcomes[i]); err != nil {
			return err
		}
	}
	return nil
}

// passed holds a snapshot of the slot against the state folded up to it.
func (f *folder) passed(slot base.Slot) {
	m, ok := f.usable[slot]
	if !ok {
		return
	}
	f.report.DigestsCompared++
	if m.digest != f.state.Digest() || m.chain != f.chain {
		f.report.add(Damage, journal.SnapshotKey(slot), "it says digest %x and chain %x, the journal before it comes to %x and %x",
			m.digest, m.chain[:8], f.state.Digest(), f.chain[:8])
	}
}

// end checks the folded state.
func (f *folder) end(err error) error {
	if f.state == nil || err != nil {
		return err
	}
	if err := f.state.Check(); err != nil {
		f.report.add(Damage, "", "the state after slot %d contradicts itself: %v", f.state.Slot, err)
		f.state = nil
	}
	return nil
}

// after is the slot that follows.
func after(s base.Slot) base.Slot { return s + 1 }
