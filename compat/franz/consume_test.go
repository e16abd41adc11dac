package franz

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func at(topic string, offset kgo.Offset) kgo.Opt {
	return kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: offset}})
}

func TestStartingPoints(t *testing.T) {
	topic := topic(t, 1, "retention.ms", "-1") // the records are years old
	cl := client(t)
	var stamps []time.Time
	for i := range 10 {
		r := &kgo.Record{Topic: topic, Value: fmt.Append(nil, i), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)*1000)}
		if err := cl.ProduceSync(timeout(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, r.Timestamp)
	}
	for name, tc := range map[string]struct {
		offset kgo.Offset
		want   int64
	}{
		"start":          {kgo.NewOffset().AtStart(), 0},
		"exact":          {kgo.NewOffset().At(4), 4},
		"relative":       {kgo.NewOffset().AtEnd().Relative(-3), 7},
		"time of record": {kgo.NewOffset().AfterMilli(stamps[6].UnixMilli()), 6},
		"time between":   {kgo.NewOffset().AfterMilli(stamps[6].UnixMilli() + 1), 7},
		"past the end":   {kgo.NewOffset().At(1000), 0}, // out of range: kgo resets, by default to the start
	} {
		t.Run(name, func(t *testing.T) {
			got := consume(t, client(t, at(topic, tc.offset)), 1)
			if got[0].Offset != tc.want {
				t.Errorf("first offset %d, want %d", got[0].Offset, tc.want)
			}
		})
	}
}

func TestReaderAtTheEndSeesWhatIsWrittenNext(t *testing.T) {
	topic := topic(t, 1)
	fill(t, topic, 5)
	reader := client(t, at(topic, kgo.NewOffset().AtEnd()))
	// Until the reader has found its position, "end" may still be a later one.
	eventually(t, "the reader waits at the end", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		reader.PollFetches(ctx)
		fill(t, topic, 1)
		return len(reader.PollFetches(timeout(t)).Records()) > 0
	})
}

// A fetch that asks for more bytes than there are is answered after its wait, not before and not never.
func TestMinBytesThatNeverComeEndWithTheWait(t *testing.T) {
	topic := topic(t, 1)
	fill(t, topic, 3)
	reader := client(t, at(topic, kgo.NewOffset().AtStart()), kgo.FetchMinBytes(1<<20), kgo.FetchMaxWait(500*time.Millisecond))
	began := time.Now()
	got := consume(t, reader, 3)
	if took := time.Since(began); len(got) != 3 || took > 20*time.Second {
		t.Errorf("%d records after %v, want 3 after about half a second", len(got), took)
	}
}

// Small limits split the answer, never a batch, and never stall.
func TestSmallFetchLimits(t *testing.T) {
	topic := topic(t, 3)
	produce(t, client(t, kgo.ProducerBatchMaxBytes(2000)), topic, "some value that takes a few bytes", 600)
	reader := client(t, kgo.ConsumeTopics(topic), kgo.FetchMaxBytes(1), kgo.FetchMaxPartitionBytes(1))
	if got := consume(t, reader, 600); len(got) != 600 {
		t.Errorf("%d records, want 600", len(got))
	}
}

func TestIsolationLevels(t *testing.T) {
	topic := topic(t, 1)
	fill(t, topic, 20)
	for name, level := range map[string]kgo.IsolationLevel{"uncommitted": kgo.ReadUncommitted(), "committed": kgo.ReadCommitted()} {
		t.Run(name, func(t *testing.T) {
			got := consume(t, client(t, at(topic, kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(level)), 20)
			if got[19].Offset != 19 {
				t.Errorf("last offset %d, want 19", got[19].Offset)
			}
		})
	}
}

// Partitions can be added, paused and removed within one fetch session.
func TestPausedPartitionStaysSilent(t *testing.T) {
	topic := topic(t, 2)
	writer := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	write := func(partition int32) {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("v")}
		if err := writer.ProduceSync(timeout(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	reader := client(t, kgo.ConsumeTopics(topic))
	write(0)
	write(1)
	consume(t, reader, 2)
	reader.PauseFetchPartitions(map[string][]int32{topic: {0}})
	write(0)
	write(1)
	if got := consume(t, reader, 1); got[0].Partition != 1 {
		t.Errorf("a record of partition %d, want only partition 1 while 0 is paused", got[0].Partition)
	}
	reader.ResumeFetchPartitions(map[string][]int32{topic: {0}})
	if got := consume(t, reader, 1); got[0].Partition != 0 {
		t.Errorf("a record of partition %d, want the one of partition 0", got[0].Partition)
	}
}

func TestTopicThatIsDeletedAndMadeAnewIsAnother(t *testing.T) {
	topic := topic(t, 1)
	fill(t, topic, 10)
	adm := admin(t)
	before, err := adm.ListTopics(timeout(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopic(timeout(t), topic); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the name is free again", func() bool {
		_, err := adm.CreateTopic(timeout(t), 1, -1, nil, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			t.Fatal(err)
		}
		return err == nil
	})
	eventually(t, "metadata names another id", func() bool {
		after, err := adm.ListTopics(timeout(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		return after[topic].ID != before[topic].ID
	})
	fill(t, topic, 1)
	if got := consume(t, client(t, kgo.ConsumeTopics(topic)), 1); got[0].Offset != 0 {
		t.Errorf("first offset of the new topic is %d, want 0", got[0].Offset)
	}
}
