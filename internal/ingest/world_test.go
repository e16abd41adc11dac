package ingest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// bucket is a bucket under a virtual clock whose uploads of segments can hang.
type bucket struct {
	objstore.Store
	p     *sim.Proc
	hangs int // so many further uploads hang until they are given up
	sizes []int
	entry time.Duration // what the creation of an entry takes
	free  bool          // it looks at no body later, but does until the end of the call
	parts []int         // of each segment
}

func (b *bucket) Info() objstore.Info {
	info := b.Store.Info()
	info.BodyFree = b.free
	return info
}

func (b *bucket) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	b.p.Sleep(b.entry)
	return b.Store.PutIfAbsent(ctx, key, body)
}

func (b *bucket) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	b.p.Sleep(20 * time.Millisecond)
	if strings.HasPrefix(key, segment.Prefix) {
		b.sizes, b.parts = append(b.sizes, objstore.SizeOf(body)), append(b.parts, len(body))
		if b.hangs > 0 {
			b.hangs--
			for ctx.Err() == nil {
				b.p.Sleep(100 * time.Millisecond)
			}
			return objstore.Meta{}, &objstore.Error{Kind: objstore.Ambiguous, Op: "put", Key: key, Cause: ctx.Err()}
		}
	}
	return b.Store.Put(ctx, key, body...)
}

// inhabitant is an agent under a virtual clock, with a topic.
type inhabitant struct {
	*control.Control
	*ingest.Ingest
	p      *sim.Proc
	bucket *bucket
}

// inWorld runs f as a task of an agent whose segments are all uploaded.
func inWorld(t *testing.T, timeout time.Duration, f func(w *sim.World, a *inhabitant)) {
	t.Helper()
	inWorldOf(t, ingest.Config{BatchTimeout: timeout, BatchBytes: 1 << 20}, f)
}

func inWorldOf(t *testing.T, config ingest.Config, f func(w *sim.World, a *inhabitant)) {
	t.Helper()
	inWorldWith(t, bucket{}, config, f)
}

func inWorldWith(t *testing.T, traits bucket, config ingest.Config, f func(w *sim.World, a *inhabitant)) {
	t.Helper()
	w := sim.NewWorld(1)
	err := w.RunFor(time.Hour, func(p *sim.Proc) {
		store := &bucket{p: p, free: traits.free, Store: memstore.New(func() time.Time { return time.Unix(1_700_000_000, 0).Add(w.Elapsed()) })}
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		cluster, err := journal.OpenCluster(context.Background(), p, store)
		if err != nil {
			t.Error(err)
			return
		}
		c := control.New(p, store, cluster, control.Config{Profile: admin.Profile{Roles: admin.AllRoles}, W: journal.W, Log: quiet}, nil)
		config.Log = quiet
		i := ingest.New(p, c, store, config)
		if err := c.Start(); err != nil {
			t.Error(err)
			return
		}
		_, err = c.Propose(&log.CreateTopic{Name: "t", ID: topic, Partitions: 4}).Wait(time.Time{})
		if err != nil {
			t.Error(err)
			return
		}
		f(w, &inhabitant{c, i, p, store})
	})
	if err != nil {
		t.Fatal(err)
	}
}

var names = map[base.Kind]string{base.OK: "NONE", base.RequestTimedOut: "REQUEST_TIMED_OUT", base.NotLeaderOrFollower: "NOT_LEADER_OR_FOLLOWER",
	base.InvalidProducerEpoch: "INVALID_PRODUCER_EPOCH"}

// kinds waits for the results of an Append and gives them as text.
func kinds(a *inhabitant, f *env.Future[[]ingest.Result]) string {
	r, err := f.Wait(a.p.Now().Add(10 * time.Minute))
	if err != nil {
		return err.Error()
	}
	words := make([]string, len(r))
	for n := range r {
		words[n] = fmt.Sprintf("%s@%d", names[r[n].Kind], r[n].Base)
	}
	return strings.Join(words, " ")
}

func expect(t *testing.T, a *inhabitant, what string, f *env.Future[[]ingest.Result], want string) {
	t.Helper()
	if got := kinds(a, f); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// The sequence numbers of a producer begin anew past the highest: neither order nor parking minds.
func TestSequenceNumbersWrap(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		const top = math.MaxInt32
		expect(t, a, "the first", a.Append([]ingest.Batch{numbered(0, 7, top-14, 5)}), "NONE@0")
		last := a.Append([]ingest.Batch{numbered(0, 7, 1, 5)})       // follows what follows
		middle := a.Append([]ingest.Batch{numbered(0, 7, top-4, 6)}) // top-4 … 0
		first := a.Append([]ingest.Batch{numbered(0, 7, top-9, 5)})  // what they wait for
		repeat := a.Append([]ingest.Batch{numbered(0, 7, top-4, 6)}) // sent twice
		expect(t, a, "first", first, "NONE@5")
		expect(t, a, "middle", middle, "NONE@10")
		expect(t, a, "last", last, "NONE@16")
		expect(t, a, "repeat", repeat, "NONE@10")
		if n := a.Ingest.Stats().Parked; n != 3 {
			t.Errorf("%d batches were parked, want the unknown one and the two that came too early", n)
		}
	})
}

// A producer that raised its epoch begins at 0; what comes before that waits for it.
func TestEpochBump(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		bumped := func(seq int32) []ingest.Batch {
			b := numbered(0, 7, seq, 5)
			b.Info.Epoch = 1
			return []ingest.Batch{b}
		}
		old := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)})
		second, first := a.Append(bumped(5)), a.Append(bumped(0))
		late := a.Append([]ingest.Batch{numbered(0, 7, 5, 5)})
		expect(t, a, "old", old, "NONE@0")
		expect(t, a, "first of the new epoch", first, "NONE@5")
		expect(t, a, "second of the new epoch", second, "NONE@10")
		expect(t, a, "of the old epoch", late, "INVALID_PRODUCER_EPOCH@-1")
	})
}

// One request may hold far more batches, or bytes, than a segment: it is cut, in order.
func TestRequestBeyondASegment(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		many := make([]ingest.Batch, 2*ingest.MaxSegmentBatches+5)
		for n := range many {
			many[n] = numbered(1, -1, 0, 1)
		}
		r, err := a.Append(many).Wait(time.Time{})
		if err != nil {
			t.Error(err)
			return
		}
		for n := range r {
			if r[n].Kind != base.OK || r[n].Base != int64(n) {
				t.Errorf("batch %d: %+v", n, r[n])
				return
			}
		}
		a.bucket.sizes = nil
		large := make([]ingest.Batch, 12)
		for n := range large {
			large[n] = numbered(2, -1, 0, 1)
			large[n].Bytes = batch.Plain(batch.None).Build(batch.NewRecord{Value: make([]byte, 700<<10)})
		}
		expect(t, a, "large batches", a.Append(large), "NONE@0 NONE@1 NONE@2 NONE@3 NONE@4 NONE@5 NONE@6 NONE@7 NONE@8 NONE@9 NONE@10 NONE@11")
		for _, size := range a.bucket.sizes {
			if size > 2<<20 {
				t.Errorf("a segment of %d bytes, where 1 MiB and a batch are the most", size)
			}
		}
		if len(a.bucket.sizes) != 6 {
			t.Errorf("%d segments, want 6", len(a.bucket.sizes))
		}
	})
}

// An upload that hangs is given up in time for its producers, and those that follow get on.
func TestHangingUpload(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(w *sim.World, a *inhabitant) {
		a.bucket.hangs = 1
		began := w.Elapsed()
		first := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)})
		a.p.Sleep(time.Second)
		other := a.Append([]ingest.Batch{numbered(1, 8, 0, 5)})
		second := a.Append([]ingest.Batch{numbered(0, 7, 5, 5)})
		parked := a.Append([]ingest.Batch{numbered(0, 7, 15, 5)})
		expect(t, a, "the one that hangs", first, "REQUEST_TIMED_OUT@-1")
		if took := w.Elapsed() - began; took > 25*time.Second {
			t.Errorf("it was answered after %v", took)
		}
		expect(t, a, "another producer's, sealed later", other, "NONE@0")
		expect(t, a, "the same producer's, sealed later", second, "REQUEST_TIMED_OUT@-1")
		if k := kinds(a, parked); k == "NONE@0" {
			t.Error("a batch overtook the two before it")
		}
		for n, seq := range []int32{0, 5, 10, 15} {
			expect(t, a, "again", a.Append([]ingest.Batch{numbered(0, 7, seq, 5)}), fmt.Sprintf("NONE@%d", 5*n))
		}
	})
}

// A retry that gathers in the open segment is not hit by another segment's failure.
func TestFailuresAreToldApart(t *testing.T) {
	inWorld(t, 400*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		a.bucket.hangs = 2
		first := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)})
		a.p.Sleep(time.Second)
		other := a.Append([]ingest.Batch{numbered(1, 8, 0, 5)})
		expect(t, a, "first", first, "REQUEST_TIMED_OUT@-1")
		retry := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)})
		expect(t, a, "other", other, "REQUEST_TIMED_OUT@-1")
		expect(t, a, "retry of the first", retry, "NONE@0")
	})
}

// Stop answers all that was taken, even when uploads hang and its time runs out: sealed, open and parked.
func TestStopWhileUploadsHang(t *testing.T) {
	inWorld(t, 50*time.Millisecond, func(w *sim.World, a *inhabitant) {
		a.bucket.hangs = 1000
		var all []*env.Future[[]ingest.Result]
		for n := range 20 {
			all = append(all, a.Append([]ingest.Batch{numbered(0, int64(n), 0, 5), numbered(1, int64(n), 40, 5)}))
			a.p.Sleep(60 * time.Millisecond)
		}
		began := w.Elapsed()
		a.Ingest.Stop(a.p.Now().Add(2 * time.Second))
		if took := w.Elapsed() - began; took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		a.p.Sleep(time.Second)
		for n, f := range all {
			if !f.Done() {
				t.Errorf("request %d has no answer", n)
				continue
			}
			expect(t, a, fmt.Sprint("request ", n), f, "NOT_LEADER_OR_FOLLOWER@-1 NOT_LEADER_OR_FOLLOWER@-1")
		}
	})
}

// What is parked is bounded: more is judged as it stands.
func TestParkingIsBounded(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(w *sim.World, a *inhabitant) {
		var early []ingest.Batch
		for n := range 5000 {
			early = append(early, numbered(0, int64(n), 10, 1)) // nobody knows these producers: is there anything before?
		}
		f := a.Append(early)
		if n := a.Ingest.Stats().ParkedNow; n != 4096 {
			t.Errorf("%d batches are parked, the most is 4096", n)
		}
		r, err := f.Wait(time.Time{})
		for n := range r {
			if err != nil || r[n].Kind != base.OK {
				t.Errorf("batch %d: %v %v", n, r[n], err)
				return
			}
		}
		if n := a.Ingest.Stats().ParkedNow; n != 0 {
			t.Errorf("%d batches are still parked", n)
		}
	})
}

// A batch is sealed when it is BatchTimeout old, not before while others keep coming, and not much later.
func TestBatchTimeout(t *testing.T) {
	inWorld(t, 400*time.Millisecond, func(w *sim.World, a *inhabitant) {
		a.p.Sleep(time.Second)
		began := w.Elapsed()
		var took time.Duration
		a.Append([]ingest.Batch{numbered(0, -1, 0, 1)}).OnDone(func([]ingest.Result, error) { took = w.Elapsed() - began })
		for range 60 {
			a.p.Sleep(10 * time.Millisecond) // below a sixteenth of 400 ms: never quiet
			a.Append([]ingest.Batch{numbered(0, -1, 0, 1)})
		}
		if took < 400*time.Millisecond || took > 460*time.Millisecond {
			t.Errorf("answered after %v, want 400 ms and two requests", took)
		}
		a.p.Sleep(5 * time.Second)
		began = w.Elapsed()
		expect(t, a, "a lone one", a.Append([]ingest.Batch{numbered(0, -1, 0, 1)}), "NONE@61")
		if took := w.Elapsed() - began; took > 100*time.Millisecond {
			t.Errorf("a lone one was answered after %v, want a sixteenth of 400 ms and two requests", took)
		}
	})
}

// While much comes, segments of 2 MiB are sealed as long as that leaves a PUT of the budget, and later ones of 4 MiB at most; the budget is
// used, and kept.
func TestMuchIsSealedEarly(t *testing.T) {
	inWorldOf(t, ingest.Config{BatchTimeout: 2 * time.Second, BatchBytes: 16 << 20}, func(w *sim.World, a *inhabitant) {
		a.p.Sleep(time.Second)
		one := numbered(0, -1, 0, 1)
		one.Bytes = batch.Plain(batch.None).Build(batch.NewRecord{Value: make([]byte, 512<<10)})
		const seconds = 4
		for range seconds * 50 { // 25 MiB/s
			a.p.Sleep(20 * time.Millisecond)
			a.Append([]ingest.Batch{one})
		}
		for n, size := range a.bucket.sizes {
			switch mib := float64(size) / (1 << 20); {
			case mib < 2 || mib > 4.6:
				t.Errorf("segment %d has %.1f MiB", n, mib)
			case n < 3 && mib > 2.6: // a burst is four
				t.Errorf("segment %d has %.1f MiB while more than one PUT is left", n, mib)
			}
		}
		if n := len(a.bucket.sizes); n < 8*seconds || n > 4+8*(seconds+1) {
			t.Errorf("%d segments in %d s", n, seconds)
		}
	})
}

// Each parked batch waits its own time, whatever becomes of those that were parked before it.
func TestEachParkedBatchWaitsItsOwnTime(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first of a producer", a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), "NONE@0")
		early := a.Append([]ingest.Batch{numbered(0, 7, 10, 5)}) // parked
		a.p.Sleep(time.Second)
		parked := a.p.Now()
		late := a.Append([]ingest.Batch{numbered(1, 8, 5, 5)}) // of a producer that the partition does not know
		a.p.Sleep(500 * time.Millisecond)
		expect(t, a, "what the first parked waits for", a.Append([]ingest.Batch{numbered(0, 7, 5, 5)}), "NONE@5")
		expect(t, a, "the first parked", early, "NONE@10")
		if late.Done() {
			t.Error("the second parked is answered before its time")
		}
		if _, err := late.Wait(a.p.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if waited := a.p.Now().Sub(parked); waited < 2*time.Second || waited > 2200*time.Millisecond {
			t.Errorf("the second parked waited %v, want 2 s and what its commit takes", waited)
		}
	})
}
