package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// forgetful is a bucket in memory that does not keep segments: a benchmark writes many.
type forgetful struct{ *memstore.Store }

func (s forgetful) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	meta, err := s.Store.Put(ctx, key, body...)
	if len(key) > len(segment.Prefix) && key[:len(segment.Prefix)] == segment.Prefix {
		err = s.Delete(ctx, key)
	}
	return meta, err
}

// BenchmarkAppend measures what a segment of 1 MiB costs from Append to its results: gathered, sealed as it is full, put
// into a bucket in memory, decided, written into the journal, published.
func BenchmarkAppend(b *testing.B) {
	for _, batches := range []int{64, 1024} {
		b.Run(fmt.Sprintf("%dx%dKiB", batches, 1024/batches), func(b *testing.B) {
			a := start(b, forgetful{memstore.New(time.Now)}, 250*time.Millisecond)
			list := make([]ingest.Batch, batches)
			for i := range list {
				list[i] = numbered(int32(i%4), -1, 0, 1)
				// What lies in a batch is not ingest's affair; and the last one is to fill the segment.
				list[i].Bytes = append(list[i].Bytes, make([]byte, 1<<20/batches-len(list[i].Bytes))...)
			}
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				r, err := a.Append(list).Wait(soon())
				if err != nil || r[batches-1].Kind != base.OK {
					b.Fatal(err, r)
				}
			}
		})
	}
}

// BenchmarkAppendSpread measures what a request of 2 KiB for each of 5,000 partitions costs, from Append to its results. Its
// partitions come in no order, as from a client that keeps them in a map.
func BenchmarkAppendSpread(b *testing.B) {
	const partitions = 5000
	a := startWith(b, forgetful{memstore.New(time.Now)}, ingest.Config{BatchTimeout: 20 * time.Millisecond, BatchBytes: 8 << 20})
	wide := base.TopicID{2}
	if v, err := a.Propose(&log.CreateTopic{Name: "wide", ID: wide, Partitions: partitions}).Wait(soon()); err != nil || v.Kind() != base.OK {
		b.Fatal(err, v)
	}
	const size = 2 << 10
	list, frame := make([]ingest.Batch, partitions), make([]byte, partitions*size)
	for i := range list {
		list[i] = numbered(int32(i*1999%partitions), 1, 0, 3)
		list[i].Topic, list[i].Bytes = wide, frame[i*size:(i+1)*size]
	}
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := a.Append(list).Wait(soon())
		if err != nil || r[0].Kind != base.OK || r[partitions-1].Kind != base.OK {
			b.Fatal(err, r[0], r[partitions-1])
		}
		for i := range list {
			list[i].Info.BaseSequence += list[i].Info.Count
		}
	}
}

// BenchmarkAppendBesideParked measures how long a thousand Appends of one batch take, 100 µs apart, until the last has its
// result, while other batches are parked.
func BenchmarkAppendBesideParked(b *testing.B) {
	for _, parked := range []int{0, 4000} {
		b.Run(fmt.Sprint(parked), func(b *testing.B) {
			a := start(b, forgetful{memstore.New(time.Now)}, 50*time.Millisecond)
			producer := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				waiting := make([]ingest.Batch, parked)
				for i := range waiting {
					producer++
					waiting[i] = numbered(int32(i%4), producer, 5, 1) // what it follows never comes
				}
				late := a.Append(waiting)
				b.StartTimer()
				var last *env.Future[[]ingest.Result]
				for i := range 1000 {
					last = a.Append([]ingest.Batch{numbered(int32(i%4), -1, 0, 1)})
					time.Sleep(100 * time.Microsecond) // what looks after segments comes to it
				}
				if r, err := last.Wait(soon()); err != nil || r[0].Kind != base.OK {
					b.Fatal(err, r)
				}
				b.StopTimer()
				if _, err := late.Wait(soon()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
