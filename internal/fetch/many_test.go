package fetch_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// weighed counts the bytes that are read of data files.
type weighed struct {
	objstore.Store
	read atomic.Int64
}

func (w *weighed) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	o, err := w.Store.GetRange(ctx, key, off, n)
	if strings.HasPrefix(key, "data/") {
		w.read.Add(int64(len(o.Body)))
	}
	return o, err
}

// A reader of many partitions that lags by more than the cache holds: each file has a little of each partition, and is read
// once for all of them.
func TestManyPartitionsAreReadFileByFile(t *testing.T) {
	const partitions, files, value = 400, 30, 4000
	store := &weighed{Store: memstore.New(time.Now)}
	b := start(t, settings{store: store, cacheBytes: 1, memory: 32 << 20})
	wants := b.wide(partitions, files, value)
	answers, got := 0, 0
	for ; got < partitions*files && answers < 1000; answers++ {
		r := b.read(wants...)
		for i, p := range r.Partitions {
			if p.Kind != base.OK {
				t.Fatalf("partition %d: %v", i, p.Kind)
			}
			for _, raw := range b.parse(p) {
				got++
				wants[i].Offset = raw.LastOffset() + 1
			}
		}
		r.Release()
	}
	if written := int64(partitions * files * value); got != partitions*files || store.read.Load() > written*2 {
		t.Errorf("%d of %d batches in %d answers: %d bytes read of %d", got, partitions*files, answers, store.read.Load(), written)
	}
}
