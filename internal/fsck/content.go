package fsck

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

func newBudget(e env.Env) *env.Semaphore { return env.NewSemaphore(e, bytesAtOnce) }

// file checks one data file and the claims on it, which are in order of position.
func (k *checker) file(ctx context.Context, f log.File, claims []claim, listed bool, budget *env.Semaphore) (r fileResult) {
	if f.Where == log.Riding {
		return k.rider(ctx, f, claims, budget)
	}
	key := segment.Key(f.Ref)
	r.overlaps(key, claims)
	if !listed {
		_, err := k.store.Head(ctx, key)
		if objstore.Is(err, objstore.NotFound) {
			r.add(key, "the file is not there; lost are %s", k.describe(claims))
			return r
		}
		if err != nil {
			r.err = err
			return r
		}
	}
	if k.opts.Quick {
		return r
	}
	size := min(f.SizeBytes+1, bytesAtOnce)
	_ = budget.Acquire(size, time.Time{}) // without a deadline it cannot fail
	defer budget.Release(size)
	file, err := k.readFile(ctx, key, f)
	if err != nil {
		if !finding(err) {
			r.err = err
			return r
		}
		r.add(key, "%v; in it lie %s", err, k.describe(claims))
		return r
	}
	r.read = f.SizeBytes
	for _, c := range claims {
		k.extent(&r, key, file, c)
	}
	return r
}

func (r *fileResult) add(key, format string, args ...any) {
	r.problems = append(r.problems, Problem{Damage, key, fmt.Sprintf(format, args...)})
}

func (r *fileResult) overlaps(key string, claims []claim) {
	for i := 1; i < len(claims); i++ {
		a, b := claims[i-1], claims[i]
		if uint64(a.Pos)+uint64(a.Len) > uint64(b.Pos) {
			r.add(key, "offset %d of partition %s and offset %d of partition %s both claim the bytes at %d", a.Base, a.key, b.Base, b.key, b.Pos)
		}
	}
}

// readFile reads and parses a file; once more when it is damaged: a bad read of a good file does not last.
func (k *checker) readFile(ctx context.Context, key string, f log.File) (*segment.File, error) {
	var failure error
	for range 2 {
		o, err := k.store.GetRange(ctx, key, 0, f.SizeBytes+1)
		if err != nil {
			return nil, err
		}
		file, err := segment.Parse(o.Body)
		switch {
		case int64(len(o.Body)) != f.SizeBytes:
			failure = damaged("the file does not have the %d bytes that the state says", f.SizeBytes)
		case err != nil:
			failure = damaged("%v", err)
		case file.Store != f.Ref.Store:
			failure = damaged("the file says it is of store %d, the state %d", file.Store, f.Ref.Store)
		default:
			return file, nil
		}
	}
	return nil, failure
}

// extent checks the batches of one extent.
func (k *checker) extent(r *fileResult, key string, file *segment.File, c claim) {
	name := k.describe([]claim{c})
	raw, ok := k.chunkOf(file, c)
	if !ok {
		r.add(key, "no chunk of the file's index holds %s", name)
		return
	}
	var records, newest int64 = 0, -1
	for len(raw) > 0 {
		b, rest, err := batch.Next(raw)
		switch {
		case err != nil || b == nil || b.Magic() != 2:
			r.add(key, "%s: there is no whole batch %d bytes before the end", name, len(raw))
			return
		case b.ComputeCRC() != b.CRC():
			r.add(key, "%s: the batch %d bytes before the end has CRC %08x, its bytes have %08x", name, len(raw), b.CRC(), b.ComputeCRC())
		}
		records += int64(b.LastOffsetDelta()) + 1
		newest = max(newest, b.MaxTimestamp())
		r.batches++
		raw = rest
	}
	r.records += records
	if records != int64(c.Count) {
		r.add(key, "%s: the batches hold %d records, the state says %d", name, records, c.Count)
	}
	if newest != c.MaxTimestamp {
		r.add(key, "%s: the batches' highest timestamp is %d, the state says %d", name, newest, c.MaxTimestamp)
	}
}

// chunkOf gives the bytes of an extent, if they lie in a chunk of its own partition.
func (k *checker) chunkOf(file *segment.File, c claim) ([]byte, bool) {
	t, ok := k.state.Log.Topic(c.key.Topic())
	at, end := uint64(c.Pos), uint64(c.Pos)+uint64(c.Len)
	i := sort.Search(len(file.Entries), func(i int) bool { return file.Entries[i].Pos > at }) - 1
	if i < 0 || !ok {
		return nil, false
	}
	e := file.Entries[i]
	if end > e.Pos+uint64(e.Len) || e.Topic != t.ID || e.Partition != c.key.Index() {
		return nil, false
	}
	return file.Chunk(e)[at-e.Pos : end-e.Pos], true
}

// describeMost is how many extents a text names.
const describeMost = 3

// describe names extents by topic, partition and offsets.
func (k *checker) describe(claims []claim) string {
	text := ""
	for i, c := range claims {
		if i == describeMost {
			return fmt.Sprintf("%s and %d more runs of records", text, len(claims)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s offsets %d to %d", k.partition(c.key), c.Base, c.End()-1)
	}
	return text
}

func (k *checker) partition(key base.PartitionKey) string {
	if t, ok := k.state.Log.Topic(key.Topic()); ok {
		return fmt.Sprintf("%s-%d", t.Name, key.Index())
	}
	return "partition " + key.String()
}
