package log

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// What becomes of a batch hangs on those of its partition before it, and not on where other partitions stand in the segment.
func TestOrderOfPartitionsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
		s, now := New(), base.Millis(1000)
		for k := byte(1); k <= 2; k++ {
			events, _ := Decide(s, &CreateTopic{Name: string('a' + rune(k)), ID: base.TopicID{k}, Partitions: 3}, now, config.Broker{})
			must(t, s.Apply(events[0]))
		}
		producers := n("producers", 1, 3*fewSeen)
		segment := func(file uint64) *CommitSegment {
			c := &CommitSegment{File: base.FileRef{ID: ulidOf(file)}, SizeBytes: 1 << 20, LastModified: now}
			for range n("batches", 1, 60) {
				c.Batches = append(c.Batches, Batch{Topic: base.TopicID{byte(n("topic", 1, 3))}, Partition: int32(n("partition", -1, 3)),
					Pos: 100, Len: uint32(n("length", 0, 5)), Count: int32(n("count", 1, 2)), ProducerID: int64(n("producer", -1, producers-1)),
					Epoch: int16(n("epoch", 0, 9) / 9), BaseSequence: int32(n("sequence", 0, 4))})
			}
			return c
		}
		before := segment(1)
		events, _ := Decide(s, before, now, config.Broker{})
		must(t, s.Apply(events[0]))

		mixed := segment(2)
		order := make([]int, len(mixed.Batches))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			x, y := &mixed.Batches[a], &mixed.Batches[b]
			return cmp.Or(cmp.Compare(x.Topic[0], y.Topic[0]), cmp.Compare(x.Partition, y.Partition))
		})
		sorted := *mixed
		sorted.Batches = make([]Batch, len(order))
		for i, at := range order {
			sorted.Batches[i] = mixed.Batches[at]
		}
		_, a := Decide(s, mixed, now, config.Broker{})
		_, b := Decide(s, &sorted, now, config.Broker{})
		for i, at := range order {
			if a.Batches[at] != b.Batches[i] {
				t.Fatalf("batch %d, %+v: %+v; in order of partitions %+v", at, mixed.Batches[at], a.Batches[at], b.Batches[i])
			}
		}
	})
}

// A partition may have batches of many producers in one segment: each is held against its own.
func TestManyProducersOfAPartition(t *testing.T) {
	s, now := New(), base.Millis(1000)
	events, _ := Decide(s, &CreateTopic{Name: "t", ID: base.TopicID{1}, Partitions: 1}, now, config.Broker{})
	if err := s.Apply(events[0]); err != nil {
		t.Fatal(err)
	}
	const producers = 5 * fewSeen
	c := &CommitSegment{File: base.FileRef{ID: ulidOf(1)}, SizeBytes: 1 << 20, LastModified: now}
	for _, sequence := range []int32{0, 1, 1, 3} { // the first, the next, a repeat, and one that leaves a gap
		for id := range int64(producers) {
			c.Batches = append(c.Batches, Batch{Topic: base.TopicID{1}, Len: 1, Count: 1, ProducerID: id, BaseSequence: sequence})
		}
	}
	_, r := Decide(s, c, now, config.Broker{})
	for i, got := range r.Batches {
		id := int64(i % producers)
		want := []BatchReply{{Base: id}, {Base: producers + id}, {Base: producers + id}, {Kind: base.OutOfOrderSequenceNumber, Base: -1}}[i/producers]
		if got != want {
			t.Errorf("batch %d of producer %d: %+v, want %+v", i/producers, id, got, want)
		}
	}
}
