package meta_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// benchPartitions are what the appends of a benchmark go round.
const benchPartitions = 10_000

// bench is a state with one agent and one topic, and what comes next.
type bench struct {
	*testing.B
	s     *meta.State
	rules meta.Rules
	next  uint64 // segment
}

func newBench(b *testing.B) *bench {
	w := &bench{B: b, s: meta.New(), rules: meta.NewRules(nil, nil)}
	w.s.Begin(1, 1_700_000_000_000)
	for i, c := range []meta.Command{
		{Op: &admin.Register{Profile: admin.Profile{Kafka: "localhost:9092", Level: meta.FeatureLevel}}},
		{From: 1, Number: 1, Op: &log.CreateTopic{Name: "t", ID: base.TopicID{1}, Partitions: benchPartitions}},
	} {
		if o, _ := meta.Decide(w.s, c, w.s.Time, w.rules); o.Verdict.Kind() != base.OK {
			b.Fatal(i, o.Verdict.Kind())
		} else if err := w.s.Apply(&o); err != nil {
			b.Fatal(err)
		}
	}
	return w
}

// commit is the next segment: n batches of an idempotent producer, for the partitions whose turn it is.
func (w *bench) commit(n int) meta.Command {
	var id base.ULID
	binary.BigEndian.PutUint64(id[8:], (w.next+1)*0x9E3779B97F4A7C15)
	c := &log.CommitSegment{File: base.FileRef{ID: id}, SizeBytes: int64(n) * 1000, LastModified: w.s.Time, Batches: make([]log.Batch, n)}
	for k := range c.Batches {
		place := int(w.next)*n + k
		c.Batches[k] = log.Batch{Topic: base.TopicID{1}, Partition: int32(place % benchPartitions), Pos: uint32(k) * 1000, Len: 1000, Count: 5,
			MaxTimestamp: int64(w.s.Time), ProducerID: 1, BaseSequence: int32(5 * (place / benchPartitions))}
	}
	w.next++
	return meta.Command{From: 1, Number: w.next + 1, Watermark: w.next, Op: c}
}

// decide does what a writer does with an entry of one command, and gives the entry's payload.
func (w *bench) decide(c meta.Command) []byte {
	w.s = w.s.Fork()
	w.s.Begin(w.s.Slot+1, w.s.Time+1)
	var p meta.Payload
	o, _ := meta.Decide(w.s, c, w.s.Time, w.rules)
	if o.Verdict.Kind() != base.OK {
		w.Fatal(o.Verdict.Kind(), o.Verdict.Text())
	}
	if err := w.s.Apply(&o); err != nil {
		w.Fatal(err)
	}
	p.Add(o)
	return p.Bytes()
}

// BenchmarkWriter measures what a writer does with a segment's commit: decide, apply, encode.
func BenchmarkWriter(b *testing.B) {
	for _, batches := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(batches), func(b *testing.B) {
			w := newBench(b)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				c := w.commit(batches)
				b.StartTimer()
				w.decide(c)
			}
			b.ReportMetric(float64(b.N*batches)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}

// BenchmarkFollower measures what every agent does with an entry: decode and apply.
func BenchmarkFollower(b *testing.B) {
	for _, batches := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(batches), func(b *testing.B) {
			writer := newBench(b)
			s := newBench(b).s
			bytes := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				payload := writer.decide(writer.commit(batches))
				bytes += len(payload)
				b.StartTimer()
				outcomes, err := meta.DecodeOutcomes(payload)
				if err != nil {
					b.Fatal(err)
				}
				s = s.Fork()
				s.Begin(s.Slot+1, s.Time+1)
				if err := s.Apply(&outcomes[0]); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(bytes / b.N))
			b.ReportMetric(float64(b.N*batches)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}

// BenchmarkSnapshot measures a snapshot of 10,000 partitions with 10 extents each: all its parts encoded; those alone that one more segment
// has changed; and a state made of it.
func BenchmarkSnapshot(b *testing.B) {
	w := newBench(b)
	for range benchPartitions * 10 / 1000 {
		w.decide(w.commit(1000))
	}
	encode := func(b *testing.B, s, prev *meta.State) (keys []string, bodies [][]byte) {
		bytes := 0
		for _, p := range s.Parts(prev) {
			if p.Changed {
				keys, bodies = append(keys, p.Key), append(bodies, p.Encode())
				bytes += len(bodies[len(bodies)-1])
			}
		}
		b.SetBytes(int64(bytes))
		return keys, bodies
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encode(b, w.s, nil)
		}
	})
	before := w.s
	w.decide(w.commit(10))
	b.Run("encode after a segment", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encode(b, w.s, before)
		}
	})
	b.Run("decode", func(b *testing.B) {
		keys, bodies := encode(b, w.s, nil)
		b.ReportAllocs()
		for b.Loop() {
			r := meta.NewRestorer()
			for i, key := range keys {
				if err := r.Part(key, bodies[i]); err != nil {
					b.Fatal(err)
				}
			}
			if s, err := r.Finish(); err != nil || s.Slot != w.s.Slot {
				b.Fatal(err)
			}
		}
	})
}
