package fetch_test

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/wire"
)

// BenchmarkFetch measures a Fetch whose bytes are in memory: of one partition with 1 MiB in batches of 16 KiB, and of
// 1000 partitions with 1 KiB each, sessionless and as a session that has nothing new.
func BenchmarkFetch(b *testing.B) {
	b.Run("1 partition, 1 MiB", func(b *testing.B) {
		bed := start(b, settings{fill: true})
		id := bed.topic("orders", 1)
		for i := range 64 {
			bed.produceAsync(id, 0, plain(i*16, 16, 1000))
		}
		bed.settle(id, 1, 1024)
		run(b, bed, fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, SessionEpoch: -1, Partitions: []fetch.Want{want(id, 0, 0)}})
	})
	b.Run("1000 partitions, 1 KiB each", func(b *testing.B) {
		bed := start(b, settings{fill: true})
		wants := thousand(bed)
		run(b, bed, fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, SessionEpoch: -1, Partitions: wants})
	})
	b.Run("session of 1000 partitions, 1 with news", func(b *testing.B) {
		bed := start(b, settings{fill: true})
		wants := thousand(bed)
		for i := range wants[1:] {
			wants[i+1].Offset = 1
		}
		q := fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, Partitions: wants}
		first := bed.fetch.Read(q, time.Now())
		first.Release()
		q.SessionID, q.Partitions = first.SessionID, nil
		b.ReportAllocs()
		for b.Loop() {
			q.SessionEpoch++
			r := bed.fetch.Read(q, time.Now())
			if len(r.Partitions) != 1 {
				b.Fatalf("%v, %d partitions", r.Kind, len(r.Partitions))
			}
			r.Release()
		}
	})
}

// BenchmarkPlan measures the plan of a Fetch: of one partition with many extents, of which the limits take some, and of
// 1000 partitions with one each.
func BenchmarkPlan(b *testing.B) {
	b.Run("1 partition, 256 extents", func(b *testing.B) {
		bed := start(b, settings{batchBytes: 1})
		id := bed.topic("orders", 1)
		for i := range 300 {
			bed.produceAsync(id, 0, plain(i, 1, 100))
		}
		bed.settle(id, 1, 300)
		plan(b, bed, []fetch.Want{want(id, 0, 0)}, 256)
	})
	b.Run("1000 partitions", func(b *testing.B) {
		bed := start(b, settings{})
		plan(b, bed, thousand(bed), 1000)
	})
}

func plan(b *testing.B, bed *bed, wants []fetch.Want, extents int) {
	state := bed.control.View().Log
	b.ReportAllocs()
	for b.Loop() {
		if p := fetch.MakePlan(state, wants, memory(50<<20), true); len(p.Extents) != extents || p.Denies {
			b.Fatalf("%d extents, denies %v", len(p.Extents), p.Denies)
		}
	}
}

func thousand(bed *bed) []fetch.Want {
	id := bed.topic("orders", 1000)
	wants := make([]fetch.Want, 1000)
	for i := range wants {
		bed.produceAsync(id, int32(i), plain(0, 1, 1000))
		wants[i] = want(id, int32(i), 0)
	}
	bed.settle(id, 1000, 1)
	return wants
}

func run(b *testing.B, bed *bed, q fetch.Request) {
	first := bed.fetch.Read(q, time.Now())
	var bytes int64
	for _, p := range first.Partitions {
		for _, r := range p.Records {
			bytes += int64(r.Len())
		}
	}
	first.Release()
	b.SetBytes(bytes)
	b.ReportAllocs()
	var buffers piece.List
	for b.Loop() {
		r := bed.fetch.Read(q, time.Now())
		topic := wire.FetchTopic{TopicID: r.Partitions[0].Topic, Partitions: make([]wire.FetchPartition, len(r.Partitions))}
		for i := range r.Partitions {
			topic.Partitions[i].Records = r.Partitions[i].Records
		}
		buffers = wire.AppendFetchResponse(&wire.FetchResponse{Version: 17, Topics: []wire.FetchTopic{topic}})
		r.Release()
	}
	b.ReportMetric(float64(len(buffers)), "buffers")
}
