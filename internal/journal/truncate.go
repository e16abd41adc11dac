package journal

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Truncated says what Truncate deleted.
type Truncated struct {
	Snapshot                  base.Slot // that made it allowed; 0: none is old enough, nothing was deleted
	Entries, Snapshots, Parts int
	Kept                      int // slots that the snapshot would let go, but that the caller still needs
}

var errEnough = errors.New("listed far enough")

// Truncate deletes what a snapshot made unneeded: entries up to it, older snapshots, and parts that none refers to (rules
// T and S). The snapshot must be W old by the bucket's clock, in time, and whole: Truncate reads all of it, and asks
// trust, which may compare chain hash and digest with what it knows. Slots from keep on stay, whatever snapshot there is: what
// is in them is needed. Repeat it now and then: PUTs that were under way may create deleted entries again.
func (s *Snapshots) Truncate(ctx context.Context, keep base.Slot, trust func(Manifest) error) (Truncated, error) {
	now, err := s.storeNow(ctx)
	if err != nil {
		return Truncated{}, err
	}
	all, err := s.listSnapshots(ctx)
	if err != nil {
		return Truncated{}, failed("listing "+snapshotPrefix, err)
	}
	old := now.Add(-s.w)
	m, err := s.pick(ctx, all, old)
	if err != nil || m.Slot == 0 {
		return Truncated{}, err
	}
	if err := s.verify(ctx, m, trust); err != nil {
		return Truncated{}, err
	}
	t := Truncated{Snapshot: m.Slot}
	upTo := min(m.Slot, max(keep, 1)-1)
	t.Kept = int(m.Slot - upTo)
	if t.Entries, err = s.deleteEntries(ctx, upTo); err != nil {
		return t, failed("deleting entries", err)
	}
	if t.Snapshots, err = s.deleteSnapshots(ctx, all, m.Slot); err != nil {
		return t, failed("deleting snapshots", err)
	}
	t.Parts, err = s.sweepParts(ctx, all, m.Slot, old)
	return t, err
}

// by reports whether an object is from old or before. One whose age the bucket does not tell is young for ever.
func by(old, modified time.Time) bool { return !modified.IsZero() && !modified.After(old) }

// pick gives the newest snapshot made at old or before, and in time; the genesis if there is none.
func (s *Snapshots) pick(ctx context.Context, all []listed, old time.Time) (Manifest, error) {
	if plant.LeftOut(plant.SnapshotAge) {
		old = old.Add(s.w)
	}
	for _, l := range slices.Backward(all) {
		if !by(old, l.modified) {
			continue
		}
		m, err := s.manifest(ctx, l.slot)
		if err != nil {
			return Manifest{}, err
		}
		if !m.late() && by(old, m.LastModified) {
			return m, nil
		}
	}
	return Manifest{}, nil
}

// verify reads every part of m, once for each snapshot.
func (s *Snapshots) verify(ctx context.Context, m Manifest, trust func(Manifest) error) error {
	if s.verified == m.Slot || plant.LeftOut(plant.SnapshotReads) {
		return nil
	}
	if err := trust(m); err != nil {
		return err
	}
	if err := s.Read(ctx, m, func(string, []byte) error { return nil }); err != nil {
		return err
	}
	s.verified = m.Slot
	return nil
}

func (s *Snapshots) deleteEntries(ctx context.Context, upTo base.Slot) (int, error) {
	n := 0
	err := s.each(ctx, entryPrefix, "", func(found []objstore.ListEntry) error {
		var keys []string
		for _, o := range found {
			slot, ok := slotOf(o.Key, entryPrefix)
			if ok && slot <= upTo {
				keys = append(keys, o.Key)
			}
		}
		n += len(keys)
		if err := s.delete(ctx, keys); err != nil {
			return err
		}
		if found[len(found)-1].Key >= EntryKey(upTo) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return n, err
}

func (s *Snapshots) deleteSnapshots(ctx context.Context, all []listed, before base.Slot) (int, error) {
	n := 0
	for _, l := range all {
		if l.slot < before {
			if err := s.delete(ctx, []string{SnapshotKey(l.slot)}); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// sweepParts deletes the parts, older than old, that no snapshot of the listing from slot from on refers to. The listing
// was begun after the Date that old is reckoned from: a snapshot that will still refer to such a part is either in it, or
// will be late. Unless every manifest of the listing can be read nothing is deleted.
func (s *Snapshots) sweepParts(ctx context.Context, all []listed, from base.Slot, old time.Time) (int, error) {
	used := map[string]bool{}
	for _, l := range all {
		if l.slot < from {
			continue
		}
		m, err := s.manifest(ctx, l.slot)
		if err != nil {
			return 0, err
		}
		for _, p := range m.Parts {
			used[PartKey(p.Object)] = true
		}
	}
	n := 0
	err := s.each(ctx, partPrefix, "", func(found []objstore.ListEntry) error {
		var keys []string
		for _, o := range found {
			if isPart(o.Key) && (!used[o.Key] || plant.LeftOut(plant.PartsInUse)) && by(old, o.LastModified) {
				keys = append(keys, o.Key)
			}
		}
		n += len(keys)
		return s.delete(ctx, keys)
	})
	return n, err
}

// storeNow is the bucket's time at this moment or a little before it: the Date of an answer, or, where Dates are not those
// that LastModified is made of, the LastModified of an object just written.
func (s *Snapshots) storeNow(ctx context.Context) (time.Time, error) {
	if s.store.Info().SteadyClock {
		m, err := s.head(ctx, clusterKey)
		if err != nil {
			return time.Time{}, failed("asking the bucket for its time", err)
		}
		if !m.Date.IsZero() {
			return m.Date, nil
		}
	}
	id := s.random16()
	key := scratchPrefix + hex.EncodeToString(id[:])
	if err := s.putOnce(ctx, key, nil); err != nil {
		return time.Time{}, failed("writing "+key, err)
	}
	m, err := s.head(ctx, key)
	if err != nil {
		return time.Time{}, failed("reading "+key, err)
	}
	return m.LastModified, s.delete(ctx, []string{key})
}
