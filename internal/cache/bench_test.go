package cache

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// extents of a benchmark: 64 batches of 16 KiB.
const benchBatches, benchBatchBytes = 64, 16 << 10

// look opens an extent, walks its batches and lets it go.
func look(b *testing.B, c *Cache, x Extent) {
	v, run, err := c.Next(Read{Extent: x, Offset: x.Base, Bytes: int(x.Len)}, true, time.Time{})
	if err != nil || run.Len() != benchBatches {
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
