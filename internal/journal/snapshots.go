package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/objstore"
)

// partsAtOnce is how many parts are read in parallel: enough to fill a link, few enough to hold in memory.
const partsAtOnce = 8

// Snapshots reads, writes and truncates. It shares nothing with its Log but the bucket and its clock, and may be used by
// other goroutines; Truncate by one at a time.
type Snapshots struct {
	*bucket
	cluster  Cluster
	w        time.Duration
	verified base.Slot // the snapshot that Truncate read whole last; Truncate's own
}

// Snapshots gives access to the snapshots of the Log's cluster, always through the same Snapshots. Safe for concurrent use.
func (l *Log) Snapshots() *Snapshots { return l.snaps }

type listed struct {
	slot     base.Slot
	modified time.Time
}

// listSnapshots lists all snapshots in order of slot.
func (b *bucket) listSnapshots(ctx context.Context) ([]listed, error) {
	var all []listed
	err := b.each(ctx, snapshotPrefix, "", func(found []objstore.ListEntry) error {
		for _, o := range found {
			if slot, ok := slotOf(o.Key, snapshotPrefix); ok {
				all = append(all, listed{slot, o.LastModified})
			}
		}
		return nil
	})
	return all, err
}

// restore gives the snapshot of slot to r. The error is *unusable when it is the snapshot that is wrong.
func (s *Snapshots) restore(ctx context.Context, slot base.Slot, r Restorer) (Manifest, error) {
	m, err := s.manifest(ctx, slot)
	if err == nil {
		err = s.deliver(ctx, m, r)
	}
	return m, err
}

// deliver gives m and its parts to r.
func (s *Snapshots) deliver(ctx context.Context, m Manifest, r Restorer) error {
	if err := r.Begin(m); err != nil {
		return err
	}
	return s.Read(ctx, m, r.Part)
}

// manifest reads the manifest of slot; that of slot 0 is the genesis.
func (s *Snapshots) manifest(ctx context.Context, slot base.Slot) (Manifest, error) {
	if slot == 0 {
		return Manifest{Point: Point{Chain: Genesis(s.cluster.ID)}, ClusterID: s.cluster.ID}, nil
	}
	var m Manifest
	err := s.whole(ctx, SnapshotKey(slot), maxManifestBytes, func(o objstore.Object) (err error) {
		m, err = decodeManifest(o.Body)
		m.LastModified = o.LastModified
		if err == nil && (m.Slot != slot || m.ClusterID != s.cluster.ID) {
			err = fmt.Errorf("%w: it says slot %d of cluster %q", envelope.ErrForeign, m.Slot, m.ClusterID)
		}
		return err
	})
	if err != nil && (damaged(err) || objstore.Is(err, objstore.NotFound)) {
		err = &unusable{slot: slot, cause: err}
	}
	return m, err
}

// Read gives the parts of m to f, in order; they are fetched partsAtOnce at a time. A part that is missing or damaged
// makes the snapshot unusable: StorageError.
func (s *Snapshots) Read(ctx context.Context, m Manifest, f func(key string, body []byte) error) error {
	for first := 0; first < len(m.Parts); first += partsAtOnce {
		batch := m.Parts[first:min(first+partsAtOnce, len(m.Parts))]
		bodies, errs := make([][]byte, len(batch)), make([]error, len(batch))
		parallel(s.env, "snapshot part", len(batch), func(i int) { bodies[i], errs[i] = s.readPart(ctx, batch[i]) })
		for i, p := range batch {
			if err := errs[i]; err != nil {
				if damaged(err) || objstore.Is(err, objstore.NotFound) {
					err = &unusable{slot: m.Slot, manifest: &m, cause: fmt.Errorf("part %q: %w", p.Key, err)}
				}
				return err
			}
			if err := f(p.Key, bodies[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Snapshots) readPart(ctx context.Context, p Part) (body []byte, err error) {
	err = s.whole(ctx, PartKey(p.Object), int(p.SizeBytes)+partNonceBytes+envelope.Overhead, func(o objstore.Object) (err error) {
		body, err = openPart(p, o.Body)
		return err
	})
	return body, err
}

// whole reads an object and decodes it, again when that finds damage.
func (b *bucket) whole(ctx context.Context, key string, limit int, decode func(objstore.Object) error) error {
	pause := backoff{}
	for try := 1; ; try++ {
		o, err := b.get(ctx, key, limit)
		if err != nil {
			return failed("reading "+key, err)
		}
		err = decode(o)
		if err == nil {
			return nil
		}
		if try == damageReads || !damaged(err) {
			return fmt.Errorf("%s: %w", key, err)
		}
		if !pause.wait(ctx, b.env) {
			return ctx.Err()
		}
	}
}
