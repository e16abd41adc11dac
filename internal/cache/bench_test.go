package cache

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// extents of a benchmark: 64 batches of 16 KiB.
const benchBatches, benchBatchBytes = 64, 16 << 10

// look opens an extent of benchBatches, walks them and lets it go.
func look(b *testing.B, c *Cache, x Extent) { lookAt(b, c, x, benchBatches) }

func lookAt(b *testing.B, c *Cache, x Extent, batches int) {
	v, run, err := c.Next(Read{Extent: x, Offset: x.Base, Bytes: int(x.Len)}, true, time.Time{})
	if err != nil || run.Len() != batches {
		b.Fatalf("%d batches, %v", run.Len(), err)
	}
	v.Release()
}

// BenchmarkHit measures a look at 1 MiB that is in memory and has been looked at before.
func BenchmarkHit(b *testing.B) {
	c := New(env.Real(), Source{Store: memstore.New(time.Now)}, 64*mib)
	body := append(make([]byte, 16), data(benchBatches, benchBatchBytes)...)
	x := extentOf(1, body, benchBatches)
	c.Put(x.File, body)
	look(b, c, x)
	b.SetBytes(int64(x.Len))
	b.ReportAllocs()
	for b.Loop() {
		look(b, c, x)
	}
}

// BenchmarkFirstLook measures a segment's way into the cache, and the first look at it, which checks every batch.
func BenchmarkFirstLook(b *testing.B) {
	c := New(env.Real(), Source{Store: memstore.New(time.Now)}, 64*mib)
	body := append(make([]byte, 16), data(benchBatches, benchBatchBytes)...)
	x := extentOf(1, body, benchBatches)
	b.SetBytes(int64(x.Len))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.File.ID = base.ULID{0: byte(i >> 16), 1: byte(i >> 8), 2: byte(i)}
		c.Put(x.File, body)
		look(b, c, x)
	}
}

// BenchmarkLoad measures the first look at 1 MiB that has to be fetched from the bucket, which is in memory here: GETs by blocks, and every
// batch checked.
func BenchmarkLoad(b *testing.B) {
	store := memstore.New(time.Now)
	body := append(make([]byte, 16), data(benchBatches, benchBatchBytes)...)
	x := extentOf(1, body, benchBatches)
	if _, err := store.Put(b.Context(), segment.Key(x.File), body); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(x.Len))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := New(env.Real(), Source{Store: store}, 64*mib)
		b.StartTimer()
		look(b, c, x)
		b.StopTimer()
		c.Stop(time.Time{})
		b.StartTimer()
	}
}

// BenchmarkFolder measures looks at files of a folder, which the kernel has in its memory: at 1 MiB for the first time, with the opening of the
// file and the check of every batch; at the same once more; and at 5,000 extents of one batch each once more, as readers of many
// partitions do.
func BenchmarkFolder(b *testing.B) {
	store, err := filestore.New(b.TempDir(), filestore.WithoutSync())
	if err != nil {
		b.Fatal(err)
	}
	put := func(n byte, batches, size int) Extent {
		body := append(make([]byte, 16), data(batches, size)...)
		x := extentOf(n, body, batches)
		if _, err := store.Put(b.Context(), segment.Key(x.File), body); err != nil {
			b.Fatal(err)
		}
		return x
	}
	open := func() *Cache { return New(env.Real(), Source{Store: store, Opener: store}, 64*mib) }
	large := put(1, benchBatches, benchBatchBytes)

	b.Run("first", func(b *testing.B) {
		b.SetBytes(int64(large.Len))
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			c := open()
			b.StartTimer()
			look(b, c, large)
			b.StopTimer()
			c.Stop(time.Time{})
			forget(c)
			b.StartTimer()
		}
	})
	b.Run("again", func(b *testing.B) {
		again(b, open(), []Extent{large}, benchBatches)
	})
	b.Run("again, 5000 short", func(b *testing.B) {
		whole := put(2, 5000, 1000)
		each := whole.Len / 5000
		short := make([]Extent, 5000)
		for i := range short {
			short[i] = whole
			short[i].Pos, short[i].Len, short[i].Count = whole.Pos+uint32(i)*each, each, whole.Count/5000
		}
		again(b, open(), short, 1)
	})
}

// again looks at extents that have been looked at before.
func again(b *testing.B, c *Cache, all []Extent, batches int) {
	defer c.Stop(time.Time{})
	defer forget(c)
	bytes := 0
	for _, x := range all {
		lookAt(b, c, x, batches)
		bytes += int(x.Len)
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		for _, x := range all {
			lookAt(b, c, x, batches)
		}
	}
}
