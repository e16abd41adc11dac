package fetch_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// badStore answers GETs of data files with what edit makes of them.
type badStore struct {
	objstore.Store
	gets atomic.Int64
	mu   sync.Mutex
	edit func(body []byte, get int64) ([]byte, error)
}

func (s *badStore) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	o, err := s.Store.GetRange(ctx, key, off, n)
	s.mu.Lock()
	edit := s.edit
	s.mu.Unlock()
	if err == nil && strings.HasPrefix(key, segment.Prefix) {
		get := s.gets.Add(1)
		if edit != nil {
			o.Body, err = edit(bytes.Clone(o.Body), get)
		}
	}
	return o, err
}

func (s *badStore) set(edit func(body []byte, get int64) ([]byte, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edit = edit
}

func newBadStore() *badStore { return &badStore{Store: memstore.New(time.Now)} }

// flip damages the first batch that holds text.
func flip(body []byte, text string) []byte {
	if i := bytes.Index(body, []byte(text)); i >= 0 {
		body[i] ^= 1
	}
	return body
}

func TestDamagedBytesAreReadOnceMore(t *testing.T) {
	store := newBadStore()
	store.set(func(body []byte, get int64) ([]byte, error) {
		if get == 1 {
			flip(body, "record 3")
		}
		return body, nil
	})
	b := start(t, settings{store: store})
	id := b.topic("orders", 1)
	b.produce(id, 0, plain(0, 3, 0), plain(3, 3, 0))
	if p := b.only(b.read(want(id, 0, 0))); p.Kind != base.OK || b.parse(p)[0].Count() != 3 {
		t.Fatalf("%+v", p)
	}
	p := b.only(b.read(want(id, 0, 3)))
	if got := b.parse(p); p.Kind != base.OK || len(got) != 1 || got[0].BaseOffset() != 3 {
		t.Fatalf("%+v", p)
	}
	if store.gets.Load() != 2 || b.cache.Stats().Damaged != 1 {
		t.Fatalf("%d GETs, %+v", store.gets.Load(), b.cache.Stats())
	}
}

func TestDamageInTheBucket(t *testing.T) {
	tests := []struct {
		name string
		edit func(body []byte) []byte
	}{
		{"a record", func(body []byte) []byte { return flip(body, "record 3") }},
		{"cut short", func(body []byte) []byte { return body[:bytes.Index(body, []byte("record 3"))] }},
		{"a length", func(body []byte) []byte {
			i := bytes.Index(body, []byte("record 3"))
			copy(body[i-batch.HeaderSize:], bytes.Repeat([]byte{0xff}, 16))
			return body
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := newBadStore()
			store.set(func(body []byte, _ int64) ([]byte, error) { return test.edit(body), nil })
			b := start(t, settings{store: store})
			id := b.topic("orders", 2)
			b.produce(id, 0, plain(0, 3, 0), plain(3, 3, 0))
			for range 2 {
				p := b.only(b.read(want(id, 0, 3)))
				if p.Kind != base.CorruptMessage || p.Records.Len() != 0 || p.HighWatermark != 6 {
					t.Fatalf("%+v", p)
				}
			}
			store.set(nil)
			b.clock.forward(time.Minute)
			if p := b.only(b.read(want(id, 0, 3))); p.Kind != base.OK || len(b.parse(p)) != 1 {
				t.Fatalf("after the bucket was mended: %+v", p)
			}
		})
	}
}

// Sound batches before a damaged one are given; the next fetch begins at the damage.
func TestSoundBatchesBeforeDamage(t *testing.T) {
	store := newBadStore()
	store.set(func(body []byte, _ int64) ([]byte, error) { return flip(body, "record 6"), nil })
	b := start(t, settings{store: store})
	id := b.topic("orders", 1)
	b.produce(id, 0, plain(0, 3, 0), plain(3, 3, 0), plain(6, 3, 0))
	p := b.only(b.read(want(id, 0, 0)))
	if got := b.parse(p); p.Kind != base.OK || len(got) != 2 {
		t.Fatalf("%d batches, %v", len(got), p.Kind)
	}
	if p := b.only(b.read(want(id, 0, 6))); p.Kind != base.CorruptMessage {
		t.Fatalf("%+v", p)
	}
}

func (b *bed) deleteFiles() {
	b.Helper()
	page, err := b.store.List(b.Context(), segment.Prefix, "", 1000)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range page.Entries {
		if err := b.store.Delete(b.Context(), e.Key); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFileGone(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 2)
	b.produce(id, 0, plain(0, 3, 0))
	b.deleteFiles()
	b.produce(id, 1, plain(0, 1, 0))
	r := b.read(want(id, 0, 0), want(id, 1, 0))
	if lost := r.Partitions[0]; lost.Kind != base.StorageError || lost.HighWatermark != 3 {
		t.Fatalf("%+v", lost)
	}
	if len(b.parse(r.Partitions[1])) != 1 {
		t.Fatalf("%+v", r.Partitions[1])
	}
}

// A reader whose View is behind a trim elsewhere finds the file deleted: it is told what the log is now.
func TestFileGoneBecauseTheLogWasTrimmed(t *testing.T) {
	store := memstore.New(time.Now)
	a, b := start(t, settings{store: store}), start(t, settings{store: store})
	id := a.topic("orders", 1)
	a.produce(id, 0, plain(0, 3, 0))
	if _, err := b.control.Barrier(soon()); err != nil {
		t.Fatal(err)
	}
	a.propose(&log.DeleteRecords{ID: id, Index: 0, Offset: 3})
	a.deleteFiles()
	p := b.only(b.read(want(id, 0, 0)))
	if p.Kind != base.OffsetOutOfRange || p.LogStart != 3 {
		t.Fatalf("%+v", p)
	}
}

func TestTrimmedInsideABatch(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 1)
	b.produce(id, 0, plain(0, 10, 0), plain(10, 10, 0))
	b.propose(&log.DeleteRecords{ID: id, Index: 0, Offset: 5})
	if p := b.only(b.read(want(id, 0, 4))); p.Kind != base.OffsetOutOfRange {
		t.Fatalf("%+v", p)
	}
	p := b.only(b.read(want(id, 0, 5)))
	if got := b.parse(p); p.LogStart != 5 || len(got) != 2 || got[0].BaseOffset() != 0 {
		t.Fatalf("%+v", p)
	}
}

// Readers of a log that is many times as large as the cache get all of it, whole and in order, and leave nothing held.
func TestManyReadersOfLittleMemory(t *testing.T) {
	b := start(t, settings{cacheBytes: 1, batchBytes: 3 << 20})
	id := b.topic("orders", 3)
	const rounds, size = 40, 300_000
	for i := range rounds {
		for p := range int32(3) {
			b.produceAsync(id, p, plain(i*7, 7, size/7))
		}
	}
	b.settle(id, 3, rounds*7)
	var readers sync.WaitGroup
	for n := range 6 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for at := int64(0); at < rounds*7; {
				w := want(id, int32(n%3), at)
				w.MaxBytes = int32(100_000 << (n % 5))
				r := b.read(w)
				got := b.parse(r.Partitions[0])
				if len(got) > 0 {
					if got[0].BaseOffset() != at {
						t.Errorf("at %d: a batch at %d", at, got[0].BaseOffset())
					}
					at = got[len(got)-1].LastOffset() + 1
				}
				if r.Partitions[0].Kind != base.OK {
					t.Errorf("at %d: %v", at, r.Partitions[0].Kind)
					return
				}
				if r.Release != nil {
					r.Release()
				}
			}
		}()
	}
	readers.Wait()
	if s := b.cache.Stats(); s.HeldBytes != 0 || s.UsedBytes > s.SizeBytes || s.Evicted == 0 {
		t.Fatalf("%+v", s)
	}
	if b.memory.Free() != b.memory.Size() {
		t.Fatal("answers that were written hold memory")
	}
}

// Clients that ask for much and take none of it leave enough for one that reads, also of what lies in spans, or files, that they hold.
func TestClientsThatDoNotReadHoldUpNobody(t *testing.T) {
	for name, s := range map[string]settings{
		"in memory":  {cacheBytes: 1, batchBytes: 3 << 20, memory: 32 << 20},
		"open files": inFiles(t, settings{cacheBytes: 1, batchBytes: 1, memory: 32 << 20}), // a file for each batch
	} {
		t.Run(name, func(t *testing.T) { holdUpNobody(t, start(t, s)) })
	}
}

func holdUpNobody(t *testing.T, b *bed) {
	id := b.topic("orders", 1)
	const batches, size = 1200, 30_000
	for i := range batches {
		b.produceAsync(id, 0, plain(i, 1, size))
	}
	b.settle(id, 1, batches)
	greedy := want(id, 0, 0)
	greedy.MaxBytes = 50 << 20
	for i := range 60 {
		greedy.Offset = int64(i * 20)
		if r := b.read(greedy); len(b.parse(r.Partitions[0])) == 0 { // and never releases
			t.Fatalf("client %d got nothing; %d bytes are free, %+v", i, b.memory.Free(), b.cache.Stats())
		}
	}
	for at := int64(0); at < batches; {
		r := b.read(want(id, 0, at))
		got := b.parse(r.Partitions[0])
		if len(got) == 0 || got[0].BaseOffset() != at {
			t.Fatalf("at %d: %+v", at, r.Partitions[0])
		}
		at = got[len(got)-1].LastOffset() + 1
		r.Release()
	}
	if b.fetch.Stats().Detached == 0 {
		t.Error("no answer was copied: spans were not held, which this is about")
	}
}
