package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"iter"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/objstore"
)

var (
	// ErrBase: the prior manifest given to Write may lose its parts any moment (deleted, late, or superseded long ago). Nothing was
	// written: write with all bodies and a nil prior, or with a newer one.
	ErrBase = errors.New("journal: the snapshot cannot be built on this base")
	// ErrLate: the snapshot was written, but after its deadline. It can be loaded as long as its parts are there, but must
	// not be a base, and nothing is truncated for it: write a later one.
	ErrLate = errors.New("journal: the snapshot came after its deadline")
	// ErrNewerSnapshot: there is a snapshot of a later slot. Nothing was written, and nothing needs to be.
	ErrNewerSnapshot = errors.New("journal: a newer snapshot exists")
)

// PartSource is one part of a snapshot to write: a Body, or Unchanged for the prior manifest's part of that key.
type PartSource struct {
	Key       string
	Body      []byte // at most MaxPartBytes; not retained
	Unchanged bool
}

// making is one snapshot being written.
type making struct {
	*Snapshots
	manifest Manifest
	base     *Manifest // nil: nothing to take over
	nonce    [partNonceBytes]byte
	uploaded map[string]bool // by part key
}

// Write makes the snapshot of the state at p. Parts that are Unchanged, or whose body is that of prior's part of the same
// key, are taken over from prior, the manifest this agent loaded or wrote last (nil: none); the others are uploaded. The
// manifest and every part uploaded are read back. If the slot has a snapshot already, that one is returned if it agrees
// with p; if not, two agents disagree about the state: StorageError. Other errors: ErrBase, ErrLate (with the manifest),
// ErrNewerSnapshot.
func (s *Snapshots) Write(ctx context.Context, p Point, prior *Manifest, parts iter.Seq[PartSource]) (Manifest, error) {
	k := &making{Snapshots: s, base: prior, nonce: s.random16(), uploaded: map[string]bool{}}
	k.manifest = Manifest{Point: p, ClusterID: s.cluster.ID}
	there, err := k.begin(ctx)
	if err != nil {
		return Manifest{}, err
	}
	if there {
		return k.agree(ctx)
	}
	for part := range parts {
		if err := k.add(ctx, part); err != nil {
			return Manifest{}, failed("writing "+SnapshotKey(p.Slot), err)
		}
	}
	object := encodeManifest(k.manifest)
	if _, err := decodeManifest(object); err != nil {
		return Manifest{}, failed("writing "+SnapshotKey(p.Slot), err)
	}
	if err := s.putOnce(ctx, SnapshotKey(p.Slot), object); err != nil {
		return Manifest{}, failed("creating "+SnapshotKey(p.Slot), err)
	}
	if plant.LeftOut(plant.SnapshotReads) {
		return k.agree(ctx)
	}
	return k.readBack(ctx, object)
}

// begin sets the deadline, and reports whether the slot has a snapshot already.
//
// Rule S: base and its parts are deleted only once a snapshot after base is w old. Those there are were made at their
// LastModified, others not before now; so until w after the earliest of these base stands, and half of that is ours.
func (k *making) begin(ctx context.Context) (there bool, err error) {
	now, err := k.storeNow(ctx)
	if err != nil {
		return false, err
	}
	all, err := k.listSnapshots(ctx)
	if err != nil {
		return false, failed("listing "+snapshotPrefix, err)
	}
	if k.base != nil && k.base.Slot == 0 {
		k.base = nil
	}
	from, baseThere := now, k.base == nil
	for _, s := range all {
		switch {
		case s.slot > k.manifest.Slot:
			return false, ErrNewerSnapshot
		case s.slot == k.manifest.Slot:
			there = true
		case k.base != nil && s.slot == k.base.Slot:
			baseThere = true
		case k.base != nil && s.slot > k.base.Slot && s.modified.Before(from):
			from = s.modified
		}
	}
	deadline := from.Add(k.w / 2)
	k.manifest.Deadline = base.Millis(deadline.UnixMilli())
	if !there && (!baseThere || k.base != nil && k.base.late() || deadline.Before(now)) {
		return false, ErrBase
	}
	return there, nil
}

// add takes over or uploads one part.
func (k *making) add(ctx context.Context, s PartSource) error {
	var old Part
	known := false
	if k.base != nil {
		old, known = k.base.part(s.Key)
	}
	if s.Unchanged && !known {
		return base.Errorf(base.StorageError, "part %q is said to be unchanged, but the base does not have it", s.Key)
	}
	if s.Unchanged || known && sha256.Sum256(s.Body) == old.Body {
		k.manifest.Parts = append(k.manifest.Parts, old)
		return nil
	}
	p, object, err := encodePart(s.Key, k.nonce, s.Body)
	if err != nil {
		return err
	}
	k.manifest.Parts = append(k.manifest.Parts, p)
	k.uploaded[p.Key] = true
	return k.putOnce(ctx, PartKey(p.Object), object)
}

// readBack checks what is in the bucket now.
func (k *making) readBack(ctx context.Context, object []byte) (Manifest, error) {
	o, err := k.get(ctx, SnapshotKey(k.manifest.Slot), maxManifestBytes)
	if err != nil {
		return Manifest{}, failed("reading back "+SnapshotKey(k.manifest.Slot), err)
	}
	if !bytes.Equal(o.Body, object) {
		return k.agree(ctx)
	}
	k.manifest.LastModified = o.LastModified
	for _, p := range k.manifest.Parts {
		if k.uploaded[p.Key] {
			_, err = k.readPart(ctx, p)
		} else {
			_, err = k.head(ctx, PartKey(p.Object))
		}
		if err != nil {
			return Manifest{}, failed("reading back "+PartKey(p.Object), err)
		}
	}
	return k.inTime(k.manifest)
}

// agree compares with the snapshot of the slot that another agent made.
func (k *making) agree(ctx context.Context) (Manifest, error) {
	m, err := k.Snapshots.manifest(ctx, k.manifest.Slot)
	if err != nil {
		return Manifest{}, failed("reading back", err)
	}
	if m.Point != k.manifest.Point {
		return Manifest{}, base.Errorf(base.StorageError, "journal: %s holds another state than this agent's: chain %x, time %d, "+
			"digest %x there; %x, %d, %x here. Run: millrace fsck", SnapshotKey(m.Slot), m.Chain[:8], m.Time, m.Digest,
			k.manifest.Chain[:8], k.manifest.Time, k.manifest.Digest)
	}
	return k.inTime(m)
}

func (k *making) inTime(m Manifest) (Manifest, error) {
	if m.late() {
		return m, ErrLate
	}
	return m, nil
}

// head asks whether an object exists.
func (b *bucket) head(ctx context.Context, key string) (m objstore.Meta, err error) {
	err = b.retry(ctx, func(ctx context.Context) (objstore.Meta, error) {
		var err error
		m, err = b.store.Head(ctx, key)
		return m, err
	})
	return m, err
}
