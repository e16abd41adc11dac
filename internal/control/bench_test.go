package control_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// segmentOf is the n-th segment, of a batch for each of the topic's 3 partitions.
func segmentOf(id base.TopicID, n uint64, now base.Millis) *log.CommitSegment {
	var ulid base.ULID
	binary.BigEndian.PutUint64(ulid[8:], n*0x9E3779B97F4A7C15)
	c := &log.CommitSegment{File: base.FileRef{ID: ulid}, SizeBytes: 3000, LastModified: now}
	for p := range int32(3) {
		c.Batches = append(c.Batches, log.Batch{Topic: id, Partition: p, Pos: uint32(p) * 1000, Len: 1000, Count: 5, MaxTimestamp: 7, ProducerID: -1})
	}
	return c
}

// proposeAll proposes so many segments at once, and waits for their verdicts.
func proposeAll(b *testing.B, c *control.Control, id base.TopicID, atOnce int) {
	b.ReportAllocs()
	var n uint64
	verdicts := make([]*env.Future[*meta.Verdict], atOnce)
	for b.Loop() {
		for i := range verdicts {
			n++
			verdicts[i] = c.Propose(segmentOf(id, n, c.Now()))
		}
		for _, f := range verdicts {
			if v, err := f.Wait(soon()); err != nil || v.Kind() != base.OK || v.Log.Batches[2].Kind != base.OK {
				b.Fatal(err, v.Kind(), v.Text())
			}
		}
	}
	b.ReportMetric(float64(b.N*atOnce)/b.Elapsed().Seconds(), "commands/s")
}

// BenchmarkPropose measures commands from Propose to their verdicts: decided, written as an entry into a bucket in memory, applied,
// published. Those of one go share entries.
func BenchmarkPropose(b *testing.B) {
	for _, atOnce := range []int{1, 100} {
		b.Run(fmt.Sprint(atOnce), func(b *testing.B) {
			c := start(b, memstore.New(time.Now))
			defer c.Kill(soon())
			proposeAll(b, c, createTopic(b, c, "orders"), atOnce)
		})
	}
}

// BenchmarkFollower measures the same at an agent that does not write itself: its commands go to the sequencer over loopback, and
// it applies the entries that come back in the stream. Both agents' allocations count.
func BenchmarkFollower(b *testing.B) {
	for _, atOnce := range []int{1, 100} {
		b.Run(fmt.Sprint(atOnce), func(b *testing.B) {
			bucket := memstore.New(time.Now)
			first := startLinked(b, bucket)
			defer first.kill()
			second := startLinked(b, bucket)
			defer second.kill()
			id := createTopic(b, first.Control, "orders")
			eventually(b, "the follower streams", func() bool { return second.Stats().EntriesStreamed > 0 })
			won := second.Stats().EntriesWon
			proposeAll(b, second.Control, id, atOnce)
			if now := second.Stats().EntriesWon; now != won {
				b.Logf("the follower wrote %d entries itself: the sequencer was held up", now-won)
			}
		})
	}
}
