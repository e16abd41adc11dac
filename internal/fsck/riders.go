package fsck

import (
	"context"
	"fmt"
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
	key := journal.EntryKey(base.Slot(f.In))
	k.overlaps(&r, key, claims)
	if k.opts.Quick {
		if _, r.err = k.store.Head(ctx, key); objstore.Is(r.err, objstore.NotFound) {
			r.err = nil
			r.add(key, "the entry is not there, and segment %s rides in it; lost are %s", f.Ref.ID, k.describe(claims))
		}
		return r
	}
	_ = budget.Acquire(journal.MaxEntryBytes, time.Time{}) // without a deadline it cannot fail
	defer budget.Release(journal.MaxEntryBytes)
	c, err := k.readRider(ctx, key, f)
	switch {
	case objstore.Is(err, objstore.NotFound):
		r.add(key, "the entry is not there, and segment %s rides in it; lost are %s", f.Ref.ID, k.describe(claims))
	case finding(err):
		r.add(key, "%v; lost are %s", err, k.describe(claims))
	case err != nil:
		r.err = err
	default:
		r.read = f.SizeBytes
		k.content(&r, key, c, claims)
	}
	return r
}

// readRider reads and parses a file that rides; once more when it is damaged.
func (k *checker) readRider(ctx context.Context, key string, f log.File) (c content, err error) {
	var lost error
	for range 2 {
		o, err := k.get(ctx, key, journal.MaxEntryBytes)
		if err != nil {
			return c, err
		}
		body, err := riderOf(o.Body, f)
		switch {
		case beyond(err):
			return c, fmt.Errorf("%s: %w", key, err)
		case err == nil:
			c = content{body: body}
			if c.parsed, c.damage = parseRider(body, f); c.damage == nil {
				return c, nil
			}
		}
		lost = err
	}
	return c, lost
}

// riderOf finds the bytes of a file in the entry that it rides in.
func riderOf(object []byte, f log.File) ([]byte, error) {
	e, err := journal.DecodeEntry(object)
	if err != nil {
		return nil, damagedRider(f, err)
	}
	riders, err := meta.Riders(e.Payload)
	if err != nil {
		return nil, damagedRider(f, err)
	}
	i := slices.IndexFunc(riders, func(r log.Rider) bool { return r.Ref == f.Ref })
	if i < 0 {
		return nil, damaged("segment %s does not ride in the entry, as the state says", f.Ref.ID)
	}
	return riders[i].Body, nil
}

// damagedRider makes of what is wrong with an entry what that means to a file that rides in it.
func damagedRider(f log.File, err error) error {
	if beyond(err) {
		return err
	}
	return damaged("the entry cannot be read, and segment %s rides in it: %v", f.Ref.ID, err)
}

// parseRider holds a file that rides against what the state says of it.
func parseRider(body []byte, f log.File) (*segment.File, error) {
	if int64(len(body)) != f.SizeBytes {
		return nil, fmt.Errorf("segment %s, which rides in the entry, has %d bytes, the state says %d", f.Ref.ID, len(body), f.SizeBytes)
	}
	file, err := segment.Parse(body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("segment %s, which rides in the entry: %w", f.Ref.ID, err)
	case file.Store != f.Ref.Store:
		return nil, fmt.Errorf("segment %s, which rides in the entry, says it is of store %d, the state %d", f.Ref.ID, file.Store, f.Ref.Store)
	}
	return file, nil
}
