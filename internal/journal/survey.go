package journal

import (
	"context"
	"errors"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// foreignEntries is how many entries from the first on are looked at for one of the cluster: a few void ones can be late
// arrivals of a cluster that was deleted from this prefix, an agent of which had one PUT under way.
const foreignEntries = 8

// surveys is how often a survey begins anew because the journal was truncated under it: that happens every few minutes, so
// only an agent that stood still meets it at all.
const surveys = 5

// errTruncated: what is missing is covered by a snapshot that was made meanwhile.
var errTruncated = errors.New("the journal was truncated while it was looked at")

// Survey looks, before an agent changes anything, whether the slots after the newest snapshot are all there and are the
// cluster's. Entries of another cluster are void, and a missing slot would be filled anew and make all after it void:
// followed without this look, either would be an empty or older state served in good faith. It fails with StorageError.
func Survey(ctx context.Context, e env.Env, store objstore.Store, c Cluster) error {
	b := newBucket(e, store)
	for try := 1; ; try++ {
		if err := b.survey(ctx, c); !errors.Is(err, errTruncated) || try == surveys {
			return err
		}
	}
}

func (b *bucket) survey(ctx context.Context, c Cluster) error {
	snapshot, err := b.newestSnapshot(ctx)
	if err != nil {
		return err
	}
	last := snapshot
	err = b.each(ctx, entryPrefix, EntryKey(last), func(found []objstore.ListEntry) error {
		for _, o := range found {
			slot, ok := slotOf(o.Key, entryPrefix)
			if !ok {
				continue
			}
			for last++; last < slot; last++ {
				if err := b.checkThere(ctx, last, slot); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || snapshot > 0 || last == 0 {
		return err // a snapshot's manifest names its cluster
	}
	return b.checkOurs(ctx, c, last)
}

// newestSnapshot gives the slot of the newest snapshot; 0 if there is none.
func (b *bucket) newestSnapshot(ctx context.Context) (base.Slot, error) {
	snapshots, err := b.listSnapshots(ctx)
	if err != nil {
		return 0, failed("listing "+snapshotPrefix, err)
	}
	if n := len(snapshots); n > 0 {
		return snapshots[n-1].slot, nil
	}
	return 0, nil
}

// checkThere makes sure of a slot that was not listed: a folder that is written to meanwhile may be listed without it.
// That it is absent says nothing if there is a snapshot of it by now (rule R).
func (b *bucket) checkThere(ctx context.Context, n, later base.Slot) error {
	s, err := b.look(ctx, n)
	if err != nil || s.found {
		return err
	}
	switch newest, err := b.newestSnapshot(ctx); {
	case err != nil:
		return err
	case newest >= n:
		return errTruncated
	}
	return base.Errorf(base.StorageError, "journal: %s is missing, but %s is there: objects were deleted from the bucket. "+
		"Restore it from a copy or from the bucket's versions; run: millrace fsck", EntryKey(n), EntryKey(later))
}

// checkOurs looks for an entry of cluster c among the first ones of a journal that begins at slot 1.
func (b *bucket) checkOurs(ctx context.Context, c Cluster, last base.Slot) error {
	genesis := Genesis(c.ID)
	for n := base.Slot(1); n <= min(last, foreignEntries); n++ {
		s, err := b.look(ctx, n)
		if err != nil {
			return err
		}
		e, err := decodeSlot(n, s)
		if err != nil || e.Prev == genesis {
			return nil // damage is for who reads it to tell
		}
	}
	return base.Errorf(base.StorageError, "journal: %s and what follows belong to another cluster than %s, which is %s: "+
		"objects of two clusters were mixed. Restore the one that belongs here from a copy, or use an empty prefix", EntryKey(1), clusterKey, c.ID)
}

// ErrReplaced: the bucket is not the cluster's any more.
var ErrReplaced = errors.New("the bucket was emptied or replaced under this agent: stop the cluster's agents, and restore the bucket or start anew")

// Still makes sure that c is the cluster in the bucket. It fails with StorageError and ErrReplaced if the bucket was emptied or taken over
// by another cluster since: what an agent of c writes then is void, and nobody will read it.
func (c Cluster) Still(ctx context.Context, e env.Env, store objstore.Store) error {
	now, err := readCluster(ctx, newBucket(e, store))
	switch {
	case objstore.Is(err, objstore.NotFound):
		return base.Errorf(base.StorageError, "journal: %s is gone from %s: %w", clusterKey, store.Info().URL, ErrReplaced)
	case err != nil:
		return err
	case now.ID != c.ID:
		return base.Errorf(base.StorageError, "journal: %s in %s names cluster %s, this agent is of %s: %w", clusterKey, store.Info().URL, now.ID, c.ID, ErrReplaced)
	}
	return nil
}
