package fsck

import (
	"context"
	"fmt"
	"slices"
	"time"

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
	used      map[[32]byte]bool // parts that manifests name
	allRead   bool              // every manifest could be read: what is not in used is not needed
	state     *meta.State
	chain     [32]byte
}

type listedSnapshot struct {
	slot base.Slot
	objstore.ListEntry
}

// list lists the journal first, then the snapshots: a truncation between the two leaves a snapshot that is newer than
// the entries it deleted.
func (f *folder) list(ctx context.Context) error {
	err := f.each(ctx, journalPrefix, func(o objstore.ListEntry) {
		if n, ok := slotOf(o.Key, journalPrefix, journal.EntryKey); ok && n > 0 {
			f.entries = append(f.entries, n)
		} else {
			f.report.add(Note, o.Key, "not an object of Millrace")
		}
	})
	if err != nil {
		return err
	}
	return f.each(ctx, snapshotPrefix, func(o objstore.ListEntry) {
		if n, ok := slotOf(o.Key, snapshotPrefix, journal.SnapshotKey); ok && n > 0 {
			f.snapshots = append(f.snapshots, listedSnapshot{n, o})
		} else {
			f.report.add(Note, o.Key, "not an object of Millrace")
		}
	})
}

// readSnapshots checks each snapshot by itself.
func (f *folder) readSnapshots(ctx context.Context) error {
	f.usable, f.used, f.allRead = map[base.Slot]manifest{}, map[[32]byte]bool{}, true
	for _, l := range f.snapshots {
		m, err := f.readManifest(ctx, l.slot)
		if err == nil {
			for _, p := range m.parts {
				f.used[p.object] = true
			}
			_, err = f.restore(ctx, m)
		} else {
			f.allRead = false
		}
		switch {
		case err == nil:
			f.usable[l.slot] = m
			f.report.Snapshots++
			f.report.DigestsCompared++
		case !finding(err):
			return fmt.Errorf("%s: %w", l.Key, err)
		default:
			if _, gone := f.store.Head(ctx, l.Key); objstore.Is(gone, objstore.NotFound) {
				return errMoved
			}
			f.report.add(Damage, l.Key, "the snapshot cannot be used: %v", err)
		}
		f.step("reading snapshots", 1)
	}
	return nil
}

func (f *folder) readManifest(ctx context.Context, slot base.Slot) (manifest, error) {
	o, err := f.get(ctx, journal.SnapshotKey(slot), manifestBytesMost)
	if err != nil {
		return manifest{}, err
	}
	m, err := decodeManifest(o.Body)
	switch {
	case err != nil:
		return m, damaged("%v", err)
	case m.slot != slot || m.cluster != f.cluster.ID:
		return m, damaged("it is of slot %d of cluster %q; this is cluster %q", m.slot, m.cluster, f.cluster.ID)
	}
	return m, nil
}

// restore reads the state that a manifest describes.
func (f *folder) restore(ctx context.Context, m manifest) (*meta.State, error) {
	r := meta.NewRestorer()
	for parts := range slices.Chunk(m.parts, readsAtOnce/2) {
		bodies, errs := make([][]byte, len(parts)), make([]error, len(parts))
		f.parallel(len(parts), func(i int) { bodies[i], errs[i] = f.readPart(ctx, parts[i]) })
		for i, p := range parts {
			if errs[i] != nil {
				if finding(errs[i]) {
					return nil, damaged("part %q: %v", p.key, errs[i])
				}
				return nil, errs[i]
			}
			if err := r.Part(p.key, bodies[i]); err != nil {
				return nil, damaged("%v", err)
			}
		}
	}
	s, err := r.Finish()
	if err != nil {
		return nil, damaged("%v", err)
	}
	if s.Digest() != m.digest {
		return nil, damaged("the state in it has digest %x, the manifest says %x", s.Digest(), m.digest)
	}
	return s, nil
}

// fold applies the journal from the oldest point that everything after is there of, so that as many snapshots as can be
// are held against what the journal comes to. Where it is broken it goes on from the next usable snapshot.
func (f *folder) fold(ctx context.Context) error {
	ok, err := f.start(ctx)
	if err != nil || !ok {
		return err
	}
	f.report.FirstSlot = f.state.Slot
	for at := f.state.Slot; ; {
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
				f.report.add(Damage, journal.EntryKey(after(at)), "the entry is not there, but %s is", journal.EntryKey(slot))
				return after(at), nil
			case !f.entry(slot, objects[i].Body):
				return slot, nil
			}
			at = slot
			f.passed(slot)
		}
		f.step("folding the journal", len(batch))
	}
	return 0, nil
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
	f.state, f.chain = s, m.chain
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
		f.lost(l.slot)
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
func (f *folder) lost(from base.Slot) {
	var allowed base.Slot
	for _, l := range f.snapshots {
		if _, ok := f.usable[l.slot]; ok && !f.young(l.ListEntry, journal.W) {
			allowed = l.slot
		}
	}
	for n := after(allowed); n <= from; n++ {
		if i := f.place(n); i == len(f.entries) || f.entries[i] != n {
			f.report.add(Damage, journal.EntryKey(n), "the entry is not there, and no snapshot was old enough to delete it for; a newer snapshot stands for it")
			return
		}
	}
}

// unused names the entries before the state that the fold begins at, but for those in which, or after which, something rides.
func (f *folder) unused(upTo base.Slot) {
	if ride := f.state.Log.OldestRide(); ride > 0 {
		upTo = min(upTo, ride-1)
	}
	n := f.place(after(upTo))
	if n > 0 {
		f.report.add(Garbage, journal.EntryKey(f.entries[0]), "%d entries up to %s are not needed any more: a late PUT, or they are not swept yet",
			n, journal.EntryKey(f.entries[n-1]))
	}
}

// entry checks and applies one entry; false: nothing after it can be checked.
func (f *folder) entry(slot base.Slot, object []byte) bool {
	key := journal.EntryKey(slot)
	e, err := journal.DecodeEntry(object)
	if err == nil && e.Slot != slot {
		err = fmt.Errorf("it says it is slot %d", e.Slot)
	}
	if err != nil {
		f.report.add(Damage, key, "the entry cannot be read: %v", err)
		return false
	}
	if e.Prev != f.chain && slot == 1 {
		// The first entry follows the genesis, whoever wrote it: this one follows that of another cluster id.
		f.report.add(Damage, key, "the journal is of another cluster than cluster.json: restore the one or the other from a copy")
		return false
	}
	if e.Prev != f.chain {
		f.report.VoidEntries++
		f.report.add(Note, key, "void: agent %d wrote it behind another entry than the last valid one; every reader skips it", e.Writer)
		return true
	}
	f.chain = e.Hash
	if e.DigestSlot != 0 && e.DigestSlot == f.state.Slot {
		f.report.DigestsCompared++
		if e.Digest != f.state.Digest() {
			f.report.add(Damage, key, "agent %d had digest %x after slot %d, the journal folds to %x", e.Writer, e.Digest, e.DigestSlot, f.state.Digest())
		}
	}
	if err := apply(f.state, e); err != nil {
		f.report.add(Damage, key, "the entry does not fit the state before it: %v", err)
		f.state = nil
		return false
	}
	f.report.Entries++
	return true
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

// end hands the folded state on.
func (f *folder) end(err error) error {
	if f.state == nil || err != nil {
		return err
	}
	if err := f.state.Check(); err != nil {
		f.report.add(Damage, "", "the state after slot %d contradicts itself: %v", f.state.Slot, err)
		return nil
	}
	f.report.LastSlot = f.state.Slot
	f.checker.state, f.checker.entries = f.state, f.entries
	f.unused(f.report.FirstSlot)
	return nil
}

// parts names snapshot parts that no snapshot refers to.
func (f *folder) parts(ctx context.Context) error {
	err := f.each(ctx, partPrefix, func(o objstore.ListEntry) {
		hash, ok := partHash(o.Key)
		switch {
		case !ok:
			f.report.add(Note, o.Key, "not an object of Millrace")
		case f.allRead && !f.used[hash] && !f.young(o, journal.W):
			f.report.add(Garbage, o.Key, "no snapshot refers to this part")
		}
	})
	if err != nil {
		return err
	}
	return f.each(ctx, scratchPrefix, func(o objstore.ListEntry) {
		if !f.young(o, time.Hour) {
			f.report.add(Garbage, o.Key, "left over from asking the store for its time")
		}
	})
}

// after is the slot that follows.
func after(s base.Slot) base.Slot { return s + 1 }
