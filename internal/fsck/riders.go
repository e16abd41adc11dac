package fsck

import (
	"context"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// home gives an extent as it lies now: in its file, or in the one that its file landed in.
func (k *checker) home(x log.Extent) log.Extent {
	if f, _ := k.state.Log.File(x.File); f.Where == log.Landed {
		x.File, x.Pos = f.In, x.Pos+f.Delta
	}
	return x
}

// landedExtents counts, by file, the extents of the files that landed in it.
func (k *checker) landedExtents() map[uint64]int {
	counts := map[uint64]int{}
	k.state.Log.Files(func(_ uint64, f log.File) bool {
		if f.Where == log.Landed {
			counts[f.In] += int(f.Refs)
		}
		return true
	})
	return counts
}

// rider checks a file that rides in a journal entry, and the claims on it.
func (k *checker) rider(ctx context.Context, f log.File, claims []claim, budget *env.Semaphore) (r fileResult) {
	slot := base.Slot(f.In)
	key := journal.EntryKey(slot)
	r.overlaps(key, claims)
	if _, listed := slices.BinarySearch(k.entries, slot); !listed {
		r.add(key, "the entry is not there, and segment %s rides in it; lost are %s", f.Ref.ID, k.describe(claims))
		return r
	}
	if k.opts.Quick {
		return r
	}
	_ = budget.Acquire(journal.MaxEntryBytes, time.Time{}) // without a deadline it cannot fail
	defer budget.Release(journal.MaxEntryBytes)
	file, err := k.readRider(ctx, key, f)
	switch {
	case objstore.Is(err, objstore.NotFound):
		r.err = errMoved // it was there: the segment has landed meanwhile
		return r
	case err != nil && !finding(err):
		r.err = err
		return r
	case err != nil:
		r.add(key, "%v; in it lie %s", err, k.describe(claims))
		return r
	}
	r.read = f.SizeBytes
	for _, c := range claims {
		k.extent(&r, key, file, c)
	}
	return r
}

// readRider reads and parses a file that rides; once more when it is damaged.
func (k *checker) readRider(ctx context.Context, key string, f log.File) (*segment.File, error) {
	var failure error
	for range 2 {
		o, err := k.get(ctx, key, journal.MaxEntryBytes)
		if err != nil {
			return nil, err
		}
		file, err := riderOf(o.Body, f)
		if err == nil {
			return file, nil
		}
		failure = damaged("segment %s, which rides in the entry: %v", f.Ref.ID, err)
	}
	return nil, failure
}

// riderOf finds a file in the entry that it rides in.
func riderOf(object []byte, f log.File) (*segment.File, error) {
	e, err := journal.DecodeEntry(object)
	if err != nil {
		return nil, err
	}
	riders, err := meta.Riders(e.Payload)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(riders, func(r log.Rider) bool { return r.Ref == f.Ref })
	if i < 0 {
		return nil, damaged("it is not there")
	}
	if n := len(riders[i].Body); int64(n) != f.SizeBytes {
		return nil, damaged("it has %d bytes, the state says %d", n, f.SizeBytes)
	}
	file, err := segment.Parse(riders[i].Body)
	if err == nil && file.Store != f.Ref.Store {
		err = damaged("it says it is of store %d, the state %d", file.Store, f.Ref.Store)
	}
	return file, err
}
