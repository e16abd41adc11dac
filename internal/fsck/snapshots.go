package fsck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/objstore"
)

// listedSnapshot is what was found out of one snapshot by itself.
type listedSnapshot struct {
	objstore.ListEntry
	slot     base.Slot
	manifest *manifest // nil: it cannot be read
	damage   error     // nil: the snapshot is usable
}

// late: it came after its deadline (rule S), and so nothing is deleted for it.
func (l *listedSnapshot) late() bool {
	return l.manifest == nil || uint64(l.LastModified.UnixMilli()) > l.manifest.deadline
}

// broughtBack: a PUT that was under way when the snapshot was deleted created it again, after its deadline: its parts may be
// gone by then.
func (l *listedSnapshot) broughtBack() bool { return l.manifest != nil && l.late() }

// readSnapshots checks each snapshot by itself.
func (f *folder) readSnapshots(ctx context.Context) error {
	f.usable = map[base.Slot]manifest{}
	for i := range f.snapshots {
		l := &f.snapshots[i]
		m, err := f.readManifest(ctx, l.slot)
		if err == nil {
			l.manifest = &m
			_, err = f.restore(ctx, m)
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
			l.damage = err
		}
		f.step("reading snapshots", 1)
	}
	f.judgeSnapshots()
	return nil
}

// judgeSnapshots finds the snapshot that rule T lets things be deleted for, and names those that are damaged or superfluous.
func (f *folder) judgeSnapshots() {
	for i := range f.snapshots {
		l := &f.snapshots[i]
		if l.damage != nil || l.late() {
			continue
		}
		if !f.young(l.ListEntry, f.opts.W) {
			f.cover = l.slot
		}
		if !f.young(l.ListEntry, f.opts.W/2) { // what rule R keeps back for clocks of one bucket that disagree
			f.covered = l.slot
		}
	}
	newest := slices.Max(append(slices.Collect(maps.Keys(f.usable)), 0))
	for i := range f.snapshots {
		l := &f.snapshots[i]
		switch {
		case l.damage != nil && l.broughtBack() && l.slot < newest:
			f.report.add(Garbage, l.Key, "a late PUT brought it back, and %s stands for it: %v", journal.SnapshotKey(newest), l.damage)
		case l.damage != nil && l.slot < f.cover:
			f.report.sweepable(sweepJournal, Damage, l.Key, "the snapshot cannot be used: %v; it is not needed: %s is newer, whole and old enough",
				l.damage, journal.SnapshotKey(f.cover))
		case l.damage != nil:
			f.report.add(Damage, l.Key, "the snapshot cannot be used: %v", l.damage)
		case l.slot < f.cover:
			f.report.sweepable(sweepJournal, Garbage, l.Key, "not needed any more: %s is newer, whole and old enough", journal.SnapshotKey(f.cover))
		case l.late():
			f.report.add(Note, l.Key, "it was written after its deadline: agents start from it, but nothing is deleted for it")
		}
	}
}

func (f *folder) readManifest(ctx context.Context, slot base.Slot) (manifest, error) {
	o, err := f.get(ctx, journal.SnapshotKey(slot), manifestBytesMost)
	if err != nil {
		return manifest{}, err
	}
	m, err := decodeManifest(o.Body)
	switch {
	case beyond(err):
		return m, err
	case err != nil:
		return m, damaged("%v", err)
	case m.slot != slot || m.cluster != f.cluster.ID:
		return m, damaged("it is of slot %d of cluster %q; this is cluster %q", m.slot, m.cluster, f.cluster.ID)
	}
	return m, nil
}

// beyond reports whether err says that an object needs another program than this one, rather than that it is damaged.
func beyond(err error) bool {
	return errors.Is(err, envelope.ErrNewer) || errors.Is(err, envelope.ErrUnknownKey) || base.KindOf(err) == base.UnsupportedVersion
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
			if err := r.Part(p.key, bodies[i]); beyond(err) {
				return nil, err
			} else if err != nil {
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

// parts names snapshot parts that no snapshot refers to which will stay (rule S), and what was left of looking for the time.
func (f *folder) parts(ctx context.Context) error {
	used, allRead := map[[32]byte]bool{}, true
	for i := range f.snapshots {
		switch l := &f.snapshots[i]; {
		case l.slot < f.cover:
		case l.manifest == nil:
			allRead = false
		default:
			for _, p := range l.manifest.parts {
				used[p.object] = true
			}
		}
	}
	err := f.each(ctx, partPrefix, func(o objstore.ListEntry) {
		hash, ok := partHash(o.Key)
		switch {
		case !ok:
			f.report.add(Note, o.Key, "not an object of Millrace")
		case !allRead || used[hash] || f.young(o, f.opts.W):
		case f.cover > 0:
			f.report.sweepable(sweepJournal, Garbage, o.Key, "no snapshot that stays refers to this part")
		default:
			f.report.add(Garbage, o.Key, "no snapshot refers to this part; it goes once a snapshot is %v old", f.opts.W)
		}
	})
	if err != nil {
		return err
	}
	return f.eachScratch(ctx, func(o objstore.ListEntry) error {
		f.report.sweepable(sweepScratch, Garbage, o.Key, "left over from trying out the store")
		return nil
	})
}

// eachScratch calls g for what agents leave behind that try the store out and are killed.
func (k *checker) eachScratch(ctx context.Context, g func(objstore.ListEntry) error) error {
	var failure error
	for _, prefix := range []string{scratchPrefix, probePrefix} {
		err := k.each(ctx, prefix, func(o objstore.ListEntry) {
			if failure == nil && !k.young(o, scratchAge) {
				failure = g(o)
			}
		})
		if err = errors.Join(err, failure); err != nil {
			return err
		}
	}
	return nil
}

// scratchAge is far longer than any agent tries its store out.
const scratchAge = time.Hour
