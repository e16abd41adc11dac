package fetch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// From every offset, under every codec, from the cache and from the bucket: the batch that holds the offset and all
// that follow.
func TestFetchFromEveryOffset(t *testing.T) {
	for _, fill := range []bool{true, false} {
		for _, codec := range []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd} {
			t.Run(fmt.Sprintf("%s/cache %t", codec, fill), func(t *testing.T) {
				b := start(t, settings{fill: fill})
				id := b.topic("orders", 2)
				var offset int
				for _, counts := range [][]int{{3, 1, 2000}, {1}, {5, 5}} {
					var batches []batch.Batch
					for _, n := range counts {
						batches = append(batches, batch.Plain(codec).Build(records(offset, n, 0)...))
						offset += n
					}
					b.produce(id, 1, batches...)
				}
				for at := range offset {
					p := b.only(b.read(want(id, 1, int64(at))))
					got := b.parse(p)
					if p.Kind != base.OK || p.HighWatermark != int64(offset) || p.LastStable != int64(offset) || p.LogStart != 0 {
						t.Fatalf("at %d: %+v", at, p)
					}
					if len(got) == 0 || got[0].BaseOffset() > int64(at) || got[0].LastOffset() < int64(at) {
						t.Fatalf("at %d: %d batches", at, len(got))
					}
					if last := got[len(got)-1].LastOffset(); last != int64(offset)-1 {
						t.Fatalf("at %d: ends with %d", at, last)
					}
				}
				if p := b.only(b.read(want(id, 1, int64(offset)))); p.Kind != base.OK || len(b.parse(p)) != 0 {
					t.Fatalf("at the end: %+v", p)
				}
			})
		}
	}
}

// KIP-74: the first batch comes whole, whatever the limits; after it only what fits.
func TestLimits(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 3)
	big, small := plain(0, 3, 100_000), plain(0, 3, 0)
	b.produce(id, 0, big, plain(3, 3, 0), plain(6, 3, 100_000))
	b.produce(id, 1, small, small, small)
	b.produce(id, 2, big)
	one, three := int32(len(small)), 3*int32(len(small))
	tests := []struct {
		name     string
		partMax  int32
		max      int32
		offsets  []int64 // of the wants
		lastRead []int64 // offset after the last record of each
	}{
		{"all of it", 10 << 20, 50 << 20, []int64{0, 0, 0}, []int64{9, 9, 3}},
		{"a large first batch", 1000, 50 << 20, []int64{0, 0, 0}, []int64{3, 9, 0}},
		{"a large first batch is the whole answer", 1000, 1000, []int64{0, 0, 0}, []int64{3, 0, 0}},
		{"limits of nothing", 0, 0, []int64{0, 0, 0}, []int64{3, 0, 0}},
		{"negative limits", -5, -5, []int64{0, 0, 0}, []int64{3, 0, 0}},
		{"the first has nothing to read", 1, 1, []int64{9, 9, 0}, []int64{9, 9, 3}},
		{"cut between batches", 2*one + one/2, 50 << 20, []int64{9, 0, 3}, []int64{9, 6, 3}},
		{"exactly", three, 50 << 20, []int64{9, 0, 3}, []int64{9, 9, 3}},
		{"one byte less", three - 1, 50 << 20, []int64{9, 0, 3}, []int64{9, 6, 3}},
		{"the limit of all", 10 << 20, two(big, small), []int64{0, 0, 0}, []int64{6, 0, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wants := []fetch.Want{want(id, 0, test.offsets[0]), want(id, 1, test.offsets[1]), want(id, 2, test.offsets[2])}
			for i := range wants {
				wants[i].MaxBytes = test.partMax
			}
			r := b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: test.max, ByID: true, SessionEpoch: -1, Partitions: wants}, time.Now())
			for i, p := range r.Partitions {
				last := test.offsets[i]
				if got := b.parse(p); len(got) > 0 {
					last = got[len(got)-1].LastOffset() + 1
				}
				if p.Kind != base.OK || last != test.lastRead[i] {
					t.Errorf("partition %d: %v, read up to %d, want %d", i, p.Kind, last, test.lastRead[i])
				}
			}
			r.Release()
		})
	}
	if b.memory.Free() != b.memory.Size() || b.cache.Stats().HeldBytes != 0 {
		t.Errorf("answers that were written hold memory: %d, %+v", b.memory.Free(), b.cache.Stats())
	}
}

func two(a, b batch.Batch) int32 { return int32(len(a) + len(b)) }

// poll fetches in another goroutine.
func (b *bed) poll(wait time.Duration, minBytes, maxBytes int32, wants ...fetch.Want) func() (fetch.Response, time.Duration) {
	f := env.NewFuture[fetch.Response](env.Real())
	began := time.Now()
	go func() {
		f.Set(b.fetch.Read(fetch.Request{MinBytes: minBytes, MaxBytes: maxBytes, ByID: true, SessionEpoch: -1, Partitions: wants}, began.Add(wait)), nil)
	}()
	return func() (fetch.Response, time.Duration) {
		b.Helper()
		r, err := f.Wait(soon())
		if err != nil {
			b.Fatal("no answer")
		}
		return r, time.Since(began)
	}
}

func (b *bed) untilWaiting(n int) {
	b.Helper()
	for end := soon(); b.fetch.Stats().Waiting != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("%d wait, not %d", b.fetch.Stats().Waiting, n)
		}
	}
}

func TestLongPollIsWokenByRecords(t *testing.T) {
	b := start(t, settings{fill: true})
	id := b.topic("orders", 2)
	answer := b.poll(time.Minute, 1, 1<<20, want(id, 0, 0), want(id, 1, 0))
	other := b.poll(time.Minute, 1, 1<<20, want(id, 0, 0))
	b.untilWaiting(2)
	if n := b.journal.interest.Load(); n != 2 {
		t.Errorf("the journal was told of %d who wait", n)
	}
	b.produce(id, 1, plain(0, 3, 0))
	r, _ := answer()
	if got := b.parse(r.Partitions[1]); len(got) != 1 || got[0].Count() != 3 || len(r.Partitions[0].Records) != 0 {
		t.Fatalf("woken with %+v", r)
	}
	if b.fetch.Stats().Waiting != 1 {
		t.Fatal("the other was woken for a partition that it did not ask for")
	}
	b.produce(id, 0, plain(0, 1, 0))
	if r, _ := other(); len(b.parse(r.Partitions[0])) != 1 {
		t.Fatalf("woken with %+v", r)
	}
	b.untilWaiting(0)
	if n := b.journal.interest.Load(); n != 0 {
		t.Errorf("the journal believes that %d wait", n)
	}
}

func TestMinBytes(t *testing.T) {
	b := start(t, settings{fill: true})
	id := b.topic("orders", 2)
	one := plain(0, 10, 100)
	b.produce(id, 0, one)

	t.Run("waits for enough", func(t *testing.T) {
		answer := b.poll(time.Minute, int32(len(one))+1, 1<<20, want(id, 0, 0))
		b.untilWaiting(1)
		b.produce(id, 0, one)
		if r, _ := answer(); len(b.parse(r.Partitions[0])) != 2 {
			t.Fatalf("%+v", r)
		}
	})
	t.Run("gives what is there in the end", func(t *testing.T) {
		r, took := b.poll(30*time.Millisecond, 1<<20, 1<<20, want(id, 0, 0))()
		if len(b.parse(r.Partitions[0])) != 2 || took < 30*time.Millisecond {
			t.Fatalf("after %v: %+v", took, r)
		}
	})
	t.Run("above what limits can give", func(t *testing.T) {
		small := want(id, 0, 0)
		small.MaxBytes = int32(len(one))
		for _, r := range []func() (fetch.Response, time.Duration){
			b.poll(time.Minute, 1<<30, 1<<20, small, want(id, 1, 0)),
			b.poll(time.Minute, 1<<30, int32(len(one)), want(id, 0, 0)),
		} {
			if r, took := r(); len(b.parse(r.Partitions[0])) != 1 || took > 5*time.Second {
				t.Fatalf("after %v: %+v", took, r)
			}
		}
	})
	t.Run("errors do not wait", func(t *testing.T) {
		r, took := b.poll(time.Minute, 1<<20, 1<<20, want(id, 1, 0), want(id, 0, 99))()
		if r.Partitions[1].Kind != base.OffsetOutOfRange || r.Partitions[1].HighWatermark != 20 || took > 5*time.Second {
			t.Fatalf("after %v: %+v", took, r)
		}
	})
	t.Run("nothing asked", func(t *testing.T) {
		if r, took := b.poll(time.Minute, 1, 1<<20)(); r.Kind != base.OK || took > 5*time.Second {
			t.Fatalf("after %v: %+v", took, r)
		}
	})
}

// A deleted topic and a stopping agent end a long poll.
func TestLongPollEnds(t *testing.T) {
	b := start(t, settings{})
	id, other := b.topic("orders", 1), b.topic("other", 1)
	answer := b.poll(time.Minute, 1, 1<<20, want(id, 0, 0))
	b.untilWaiting(1)
	b.propose(&log.DeleteTopic{ID: id})
	if r, _ := answer(); r.Partitions[0].Kind != base.UnknownTopicID {
		t.Fatalf("%+v", r)
	}
	answer = b.poll(time.Minute, 1, 1<<20, want(other, 0, 0))
	b.untilWaiting(1)
	b.fetch.Stop()
	if r, took := answer(); r.Partitions[0].Kind != base.OK || took > 10*time.Second {
		t.Fatalf("%+v", r)
	}
}

// One agent denies nothing that another has just made true.
func TestDenialIsBehindABarrier(t *testing.T) {
	a := start(t, settings{})
	b := start(t, settings{store: a.store})
	id := a.topic("orders", 1)
	a.produce(id, 0, plain(0, 5, 0))
	if p := b.only(b.read(want(id, 0, 3))); p.Kind != base.OK || len(b.parse(p)) != 1 {
		t.Fatalf("%+v", p)
	}
	a.produce(id, 0, plain(0, 5, 0))
	if p := b.only(b.read(want(id, 0, 8))); p.Kind != base.OK || len(b.parse(p)) != 1 {
		t.Fatalf("%+v", p)
	}
}
