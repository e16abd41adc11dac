package fetch_test

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
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

// What is copied to look for a time is in the budget of answers; of a batch only the header is read if that says enough (P7).
func TestAtTimeStaysWithinTheBudget(t *testing.T) {
	store, err := filestore.New(t.TempDir(), filestore.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, settings{store: store, opener: store, memory: 1 << 20})
	id := b.topic("orders", 1)
	const large = 6 << 20                                    // more than the budget
	b.produce(id, 0, plain(0, 1, large), plain(500, 1, 100)) // times 1000 and 1500
	b.atTime(id, 0, false)                                   // the file is open, its batches are checked
	if offset, at := b.atTime(id, 1000, false); offset != 0 || at != 1000 {
		t.Errorf("in the large batch: %d at %d", offset, at)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if offset, at := b.atTime(id, 1001, false); offset != 1 || at != 1500 {
		t.Errorf("behind the large batch: %d at %d", offset, at)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > large/2 {
		t.Errorf("%d bytes were allocated to pass over a batch of %d", n, large)
	}

	// Who writes to slow clients holds all of the budget: the search waits for it, and holds nothing meanwhile.
	if !b.memory.TryAcquire(b.memory.Size()) {
		t.Fatal("the budget is not free")
	}
	_, _, err = b.fetch.AtTime(b.control.View(), id, 0, 1000, false, time.Now().Add(50*time.Millisecond))
	if !errors.Is(err, env.ErrDeadline) || b.cache.Stats().HeldBytes != 0 {
		t.Errorf("without memory: %v, %d bytes held", err, b.cache.Stats().HeldBytes)
	}
	b.memory.Release(b.memory.Size())
	if offset, _ := b.atTime(id, 1, true); offset != 1 || b.memory.Free() != b.memory.Size() {
		t.Errorf("offset %d; %d of %d free", offset, b.memory.Free(), b.memory.Size())
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

// A search takes a share of what is free, however large the extent it looks into: answers do not wait behind it.
func TestSearchKeepsNoAnswerWaiting(t *testing.T) {
	b := start(t, settings{memory: 32 << 20})
	large, small := b.topic("large", 1), b.topic("small", 1)
	const mib = 1 << 20
	for k := range 7 {
		b.produce(large, 0, plain(k, 1, mib))
	}
	b.produce(small, 0, plain(0, 3, 100))
	if !b.memory.TryAcquire(28 * mib) { // by clients that do not read
		t.Fatal("not free")
	}
	defer b.memory.Release(28 * mib)
	var searches sync.WaitGroup
	defer searches.Wait()
	for range 4 {
		searches.Go(func() {
			if _, _, err := b.fetch.AtTime(b.control.View(), large, 0, 1006, false, time.Now().Add(10*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	began := time.Now()
	r := b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, SessionEpoch: -1, Partitions: []fetch.Want{want(small, 0, 0)}}, began.Add(5*time.Second))
	if took := time.Since(began); took > 2*time.Second || r.Partitions[0].Records.Len() == 0 {
		t.Errorf("%d bytes after %v", r.Partitions[0].Records.Len(), took)
	}
	if r.Release != nil {
		r.Release()
	}
}
