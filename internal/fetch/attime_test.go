package fetch_test

import (
	"math"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
)

func timed(codec batch.Codec, timestamps ...int64) batch.Batch {
	list := make([]batch.NewRecord, len(timestamps))
	for i, at := range timestamps {
		list[i] = batch.NewRecord{Timestamp: at, Value: []byte("v")}
	}
	return batch.Plain(codec).Build(list...)
}

func (b *bed) atTime(id base.TopicID, timestamp int64, max bool) (offset, at int64) {
	b.Helper()
	offset, at, err := b.fetch.AtTime(b.control.View(), id, 0, timestamp, max, soon())
	if err != nil {
		b.Fatal(err)
	}
	return offset, at
}

// Times go back and forth within batches and between them: it is the first record in offset order that counts.
func TestAtTime(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 1)
	b.produce(id, 0, timed(batch.None, 10, 30, 20), timed(batch.Zstd, 5, 6)) // 0 to 4
	b.produce(id, 0, timed(batch.Gzip, 40, 50), timed(batch.None, 90))       // 5 to 7
	b.produce(id, 0, timed(batch.LZ4, 80, 90, 45))                           // 8 to 10
	tests := []struct{ start, timestamp, offset, at int64 }{
		{0, 0, 0, 10}, {0, 10, 0, 10}, {0, 11, 1, 30}, {0, 30, 1, 30}, {0, 31, 5, 40}, {0, 41, 6, 50}, {0, 51, 7, 90}, {0, 91, -1, -1},
		{0, math.MaxInt64, -1, -1},
		{2, 11, 2, 20}, {2, 30, 5, 40}, {3, 6, 4, 6}, {8, 85, 9, 90}, {10, 0, 10, 45}, {10, 46, -1, -1}, {11, 0, -1, -1},
	}
	for _, test := range tests {
		b.propose(&log.DeleteRecords{ID: id, Offset: test.start})
		if offset, at := b.atTime(id, test.timestamp, false); offset != test.offset || at != test.at {
			t.Errorf("log from %d, time %d: offset %d at %d, want %d at %d", test.start, test.timestamp, offset, at, test.offset, test.at)
		}
	}
}

func TestMaxTimestamp(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 1)
	if offset, at := b.atTime(id, 0, true); offset != -1 || at != -1 {
		t.Fatalf("empty log: %d at %d", offset, at)
	}
	b.produce(id, 0, timed(batch.None, 70, 10), timed(batch.Zstd, 20, 95, 60, 95)) // 0 to 5
	b.produce(id, 0, timed(batch.Gzip, 40, 50), timed(batch.None, 90))             // 6 to 8
	tests := []struct{ start, offset, at int64 }{
		{0, 3, 95}, {3, 3, 95}, {4, 5, 95}, {6, 8, 90}, {9, -1, -1},
	}
	for _, test := range tests {
		b.propose(&log.DeleteRecords{ID: id, Offset: test.start})
		if offset, at := b.atTime(id, 0, true); offset != test.offset || at != test.at {
			t.Errorf("log from %d: offset %d at %d, want %d at %d", test.start, offset, at, test.offset, test.at)
		}
	}
}

func TestAtTimeOfDamagedAndUnknown(t *testing.T) {
	store := newBadStore()
	b := start(t, settings{store: store})
	id := b.topic("orders", 1)
	b.produce(id, 0, plain(0, 3, 0))
	if _, _, err := b.fetch.AtTime(b.control.View(), id, 1, 0, false, soon()); base.KindOf(err) != base.UnknownTopicOrPartition {
		t.Errorf("unknown partition: %v", err)
	}
	store.set(func(body []byte, _ int64) ([]byte, error) { return flip(body, "record 1"), nil })
	if _, _, err := b.fetch.AtTime(b.control.View(), id, 0, 0, false, soon()); base.KindOf(err) != base.CorruptMessage {
		t.Errorf("damaged: %v", err)
	}
	b.deleteFiles()
	b.clock.forward(time.Minute)
	if _, _, err := b.fetch.AtTime(b.control.View(), id, 0, 0, true, soon()); base.KindOf(err) != base.StorageError {
		t.Errorf("gone: %v", err)
	}
}
