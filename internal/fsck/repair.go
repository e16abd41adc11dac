package fsck

import (
	"context"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// sweep is one of the ways to repair.
type sweep uint8

const (
	sweepJournal sweep = iota // entries, snapshots and parts that rules T and S let go
	sweepFiles                // data files that no partition refers to, nor ever will
	sweepScratch              // objects by which agents try the store out
	sweeps
)

// repair deletes what was found to be of no use to anybody. It decides anew, object by object, by the state that agents come
// to: what the report names may have become more since. Running agents do not disturb it, nor it them.
func (f *folder) repair(ctx context.Context) error {
	if f.report.Repairable == 0 {
		return nil
	}
	if err := f.cluster.Still(ctx, f.env, f.store); err != nil {
		return err
	}
	for by, run := range [sweeps]func(context.Context) error{f.sweepJournal, f.sweepFiles, f.sweepScratch} {
		if !f.report.sweeps[by] {
			continue
		}
		if err := run(ctx); err != nil {
			return fmt.Errorf("while repairing: %w", err)
		}
		f.report.swept(sweep(by))
	}
	f.report.Mended = f.report.mendable
	return nil
}

// sweepJournal has package journal delete what rules T and S allow, by a snapshot that this check found to be sound and, where
// something rides, by the state that agents come to.
func (f *folder) sweepJournal(ctx context.Context) error {
	snapshots := journal.Open(f.env, f.store, f.cluster, f.opts.W).Snapshots()
	t, err := snapshots.Truncate(ctx, f.keep, func(m journal.Manifest) error {
		if seen, ok := f.usable[m.Slot]; !ok || seen.digest != m.Digest || seen.chain != m.Chain {
			return base.Errorf(base.StorageError, "%s was not there when the snapshots were checked: check again", journal.SnapshotKey(m.Slot))
		}
		return nil
	})
	d := &f.report.Deleted
	d.Entries, d.Snapshots, d.Parts = t.Entries, t.Snapshots, t.Parts
	f.step("sweeping the journal", t.Entries+t.Snapshots+t.Parts)
	return err
}

// sweepFiles deletes data files that are garbage by the believed state.
func (f *folder) sweepFiles(ctx context.Context) error {
	return f.deleteEach(ctx, func(g func(objstore.ListEntry) error) error {
		var failure error
		err := f.each(ctx, segment.Prefix, func(o objstore.ListEntry) {
			if ref, ok := fileRef(o.Key); ok && failure == nil && f.fate(ref, o).sweepable() {
				f.report.Deleted.Files++
				f.report.Deleted.FileBytes += o.SizeBytes
				failure = g(o)
			}
		})
		if err == nil {
			err = failure
		}
		return err
	})
}

func (f *folder) sweepScratch(ctx context.Context) error {
	return f.deleteEach(ctx, func(g func(objstore.ListEntry) error) error {
		return f.eachScratch(ctx, func(o objstore.ListEntry) error {
			f.report.Deleted.Scratch++
			return g(o)
		})
	})
}

// deleteEach deletes all objects that of calls its argument for, many with one request.
func (k *checker) deleteEach(ctx context.Context, of func(func(objstore.ListEntry) error) error) error {
	var keys []string
	flush := func() error {
		if len(keys) == 0 {
			return nil
		}
		err := k.store.Delete(ctx, keys...)
		k.step("deleting", len(keys))
		keys = keys[:0]
		return err
	}
	err := of(func(o objstore.ListEntry) error {
		if keys = append(keys, o.Key); len(keys) == listPage {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}
