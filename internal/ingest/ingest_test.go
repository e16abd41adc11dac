package ingest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

var topic = base.TopicID{1}

func soon() time.Time { return time.Now().Add(10 * time.Second) }

type agent struct {
	*control.Control
	*ingest.Ingest
}

func start(t testing.TB, store objstore.Store, timeout time.Duration) agent {
	t.Helper()
	return startWith(t, store, ingest.Config{BatchTimeout: timeout, BatchBytes: 1 << 20})
}

func startWith(t testing.TB, store objstore.Store, config ingest.Config) agent {
	t.Helper()
	e, quiet := env.Real(), slog.New(slog.NewTextHandler(io.Discard, nil))
	cluster, err := journal.OpenCluster(context.Background(), e, store)
	if err != nil {
		t.Fatal(err)
	}
	c := control.New(e, store, cluster, control.Config{Profile: admin.Profile{Roles: admin.AllRoles}, W: journal.W, Log: quiet}, nil)
	config.Log = quiet
	i := ingest.New(e, c, store, config)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Stop(soon()); c.Stop(soon()) })
	if _, ok := c.View().Log.TopicByName("t"); !ok {
		if v, err := c.Propose(&log.CreateTopic{Name: "t", ID: topic, Partitions: 4}).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(err, v)
		}
	}
	return agent{c, i}
}

// numbered makes a batch of n records of an idempotent producer.
func numbered(partition int32, producer int64, seq int32, n int) ingest.Batch {
	b := batch.Plain(batch.None)
	if producer >= 0 {
		b.ProducerID, b.Epoch, b.BaseSequence = producer, 0, seq
	}
	records := make([]batch.NewRecord, n)
	for k := range records {
		records[k] = batch.NewRecord{Value: fmt.Appendf(nil, "%d/%d", producer, int(seq)+k)}
	}
	built := b.Build(records...)
	return ingest.Batch{Topic: topic, Partition: partition, Bytes: built,
		Info: batch.Info{Count: int32(n), MaxTimestamp: -1, ProducerID: producer, BaseSequence: seq}}
}

func results(t *testing.T, f *env.Future[[]ingest.Result]) []ingest.Result {
	t.Helper()
	r, err := f.Wait(soon())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Batches get offsets in the order of the calls, whatever segments they went into, and lie where the log says.
func TestOrderOfCallsIsOrderOfLog(t *testing.T) {
	store := memstore.New(time.Now)
	a := start(t, store, 10*time.Millisecond)
	var futures []*env.Future[[]ingest.Result]
	for n := range 200 {
		futures = append(futures, a.Append([]ingest.Batch{numbered(1, -1, int32(n), 3)}))
		if n%17 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
	}
	for n, f := range futures {
		if r := results(t, f)[0]; r.Kind != base.OK || r.Base != int64(3*n) {
			t.Fatalf("batch %d: %+v", n, r)
		}
	}
	_, p, _ := a.View().Log.PartitionOf(topic, 1)
	seen := 0
	p.Extents.From(0, func(x log.Extent) bool {
		f, _ := a.View().Log.File(x.File)
		o, err := store.GetRange(t.Context(), segment.Key(f.Ref), int64(x.Pos), int64(x.Len))
		if err != nil {
			t.Fatal(err)
		}
		for rest := o.Body; len(rest) > 0; {
			var b batch.Batch
			if b, rest, err = batch.Next(rest); err != nil {
				t.Fatal(err)
			}
			if b.ComputeCRC() != b.CRC() {
				t.Fatalf("batch %d is damaged", seen)
			}
			seen++
		}
		return true
	})
	if seen != 200 {
		t.Fatalf("%d batches lie in the files, want 200", seen)
	}
}

// A batch that arrives before the one it follows waits for it, also when that one went through another agent.
func TestGapIsParkedUntilItsPredecessorCame(t *testing.T) {
	store := memstore.New(time.Now)
	a, b := start(t, store, 10*time.Millisecond), start(t, store, 10*time.Millisecond)
	if r := results(t, a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}))[0]; r.Kind != base.OK {
		t.Fatalf("%+v", r)
	}
	second := b.Append([]ingest.Batch{numbered(0, 7, 10, 5)}) // 5 … 9 is still to come
	time.Sleep(50 * time.Millisecond)
	if second.Done() {
		t.Fatal("a batch that leaves a gap was judged at once")
	}
	if r := results(t, a.Append([]ingest.Batch{numbered(0, 7, 5, 5)}))[0]; r.Kind != base.OK || r.Base != 5 {
		t.Fatalf("%+v", r)
	}
	if _, err := b.Barrier(soon()); err != nil {
		t.Fatal(err)
	}
	if r := results(t, second)[0]; r.Kind != base.OK || r.Base != 10 {
		t.Fatalf("the parked batch: %+v", r)
	}
	if b.Ingest.Stats().Parked == 0 {
		t.Fatal("nothing was parked")
	}
}

// A gap that nobody fills is an error after a while, and only of its own batch.
func TestGapThatStays(t *testing.T) {
	a := start(t, memstore.New(time.Now), 10*time.Millisecond)
	results(t, a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}))
	f := a.Append([]ingest.Batch{numbered(0, 7, 20, 5), numbered(2, 8, 0, 1)})
	r := results(t, f)
	if r[0].Kind != base.OutOfOrderSequenceNumber || r[1].Kind != base.OK {
		t.Fatalf("%+v", r)
	}
}

// A producer that the partition does not know may begin anywhere, as in Kafka, after a wait for what may be under way.
func TestUnknownProducerMayBeginAnywhere(t *testing.T) {
	a := start(t, memstore.New(time.Now), 10*time.Millisecond)
	began := time.Now()
	r := results(t, a.Append([]ingest.Batch{numbered(0, 9, 100, 5)}))[0]
	if r.Kind != base.OK || r.Base != 0 || time.Since(began) < time.Second {
		t.Fatalf("%+v after %v", r, time.Since(began))
	}
}

// An upload that fails for good fails what is queued behind it of the same producer, and nothing else.
func TestFailedUploadFailsWhatFollows(t *testing.T) {
	faulty := fault.New(memstore.New(time.Now))
	a := start(t, faulty, 10*time.Millisecond)
	faulty.Inject(fault.Fault{Op: "put", KeyPrefix: segment.Prefix, Times: 1, When: fault.Before, Kind: objstore.Fatal})
	first := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)})
	second := a.Append([]ingest.Batch{numbered(0, 7, 5, 5)})
	if k := results(t, first)[0].Kind; k != base.RequestTimedOut {
		t.Fatalf("the batch whose upload failed: %v", k)
	}
	results(t, second)
	// The client sends both again, in order.
	for n, seq := range []int32{0, 5} {
		if r := results(t, a.Append([]ingest.Batch{numbered(0, 7, seq, 5)}))[0]; r.Kind != base.OK || r.Base != int64(5*n) {
			t.Fatalf("retry of %d: %+v", seq, r)
		}
	}
}

// Stop answers everything that was taken.
func TestStopAnswersAll(t *testing.T) {
	a := start(t, memstore.New(time.Now), 2*time.Second)
	f := a.Append([]ingest.Batch{numbered(0, 7, 0, 5), numbered(1, 7, 40, 5)})
	a.Ingest.Stop(soon())
	r := results(t, f)
	if r[0].Kind != base.OK || r[1].Kind != base.OK {
		t.Fatalf("%+v", r)
	}
	if k := results(t, a.Append([]ingest.Batch{numbered(0, 7, 5, 5)}))[0].Kind; k != base.NotLeaderOrFollower {
		t.Fatalf("after Stop: %v", k)
	}
}
