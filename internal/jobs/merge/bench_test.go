package merge

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/segment"
)

// willing is a journal that takes every file.
type willing struct {
	env env.Env
	w   *world
}

func (j willing) View() meta.View        { return j.w.s }
func (j willing) Now() base.Millis       { return j.w.s.Time }
func (j willing) Self() base.Incarnation { return 1 }
func (j willing) Propose(meta.Op) *env.Future[*meta.Verdict] {
	f := env.NewFuture[*meta.Verdict](j.env)
	f.Set(&meta.Verdict{}, nil)
	return f
}

// forgetful is a folder that keeps no merged files: a benchmark writes many.
type forgetful struct{ *filestore.Store }

func (s forgetful) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	stored, err := s.Store.Put(ctx, key, body...)
	if err != nil {
		return stored, err
	}
	return stored, s.Delete(ctx, key)
}

// uploaded commits a segment that has a batch of so many bytes, or a few more, for each of its partitions, which bears the offset that it gets.
func (w *world) uploaded(tb testing.TB, store objstore.Store, partitions int32, size int) {
	rng := rand.New(rand.NewPCG(1, w.ulid))
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(rng.Uint32())
	}
	raw := batch.Plain(batch.None).Build(batch.NewRecord{Timestamp: 1, Value: value})
	file := segment.NewBuilder(0)
	c := &log.CommitSegment{File: w.name(), LastModified: w.s.Time}
	for p := range partitions {
		_, part, _ := w.s.Log.PartitionOf(base.TopicID{1}, p)
		own := bytes.Clone(raw)
		batch.Batch(own).Rebase(part.End, part.Epoch)
		at := file.Add(base.TopicID{1}, p, segment.Summed(own))
		c.Batches = append(c.Batches, log.Batch{Topic: base.TopicID{1}, Partition: p, Pos: uint32(at.Pos), Len: at.Len, Count: 1, ProducerID: -1})
	}
	c.SizeBytes = int64(file.SizeBytes())
	if _, err := store.Put(context.Background(), segment.Key(c.File), file.Pieces()...); err != nil {
		tb.Fatal(err)
	}
	w.decide(c)
}

// BenchmarkMerge measures the making of a merged file out of 32 segments of 8 MiB in a folder: read, checked, laid out, written.
func BenchmarkMerge(b *testing.B) {
	for name, partitions := range map[string]int32{"1000 partitions": 1000, "5000 partitions": 5000} {
		b.Run(name, func(b *testing.B) {
			store, err := filestore.New(b.TempDir(), filestore.WithoutSync())
			if err != nil {
				b.Fatal(err)
			}
			w := newWorld(b, partitions)
			for range 32 {
				w.uploaded(b, store, partitions, 8<<20/int(partitions)-batch.HeaderSize)
			}
			files := planFor(w.s, w.ask(DefaultPace, 100_000)).files
			j := New(env.Real(), willing{env.Real(), w}, forgetful{store}, Pace{}, 1<<20, slog.New(slog.NewTextHandler(io.Discard, nil)))
			n := 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f := files[i%len(files)]
				for _, s := range f {
					n += int(s.Sum.Whole.Len)
				}
				if err := j.merge(w.s, f); err != nil {
					b.Fatal(err)
				}
				j.offers.Settle()
			}
			b.SetBytes(int64(n / b.N))
			if len(j.skipped) > 0 || len(files) < 16 {
				b.Fatalf("%d partitions were passed over, %d files", len(j.skipped), len(files))
			}
		})
	}
}

// BenchmarkPlan measures a look at a million extents: small ones, and such as were brought together.
func BenchmarkPlan(b *testing.B) {
	for name, size := range map[string]uint32{"small": 1600, "merged": log.SmallBytes} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, 5000)
			sizes := slices.Repeat([]uint32{size}, 5000)
			for range 200 {
				w.segment(false, sizes...)
			}
			b.ReportAllocs()
			for b.Loop() {
				files := planFor(w.s, w.ask(DefaultPace, 100_000)).files
				if (len(files) > 0) != (size < log.SmallBytes) {
					b.Fatalf("%d files are planned", len(files))
				}
			}
		})
	}
}
