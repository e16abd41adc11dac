package meter_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/meter"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) objstore.Store { return meter.New(env.Real(), memstore.New(time.Now)) })
}

// ticking is an Env on whose clock each call takes the given time: it is read once before and once after.
type ticking struct {
	env.Env
	now  time.Time
	took time.Duration
}

func (e *ticking) Now() time.Time {
	e.now = e.now.Add(e.took)
	return e.now
}

func TestEveryOperationIsCounted(t *testing.T) {
	e := &ticking{Env: env.Real(), took: 3 * time.Millisecond}
	faulty := fault.New(memstore.New(time.Now))
	s := meter.New(e, faulty)
	ctx := t.Context()
	faulty.Inject(fault.Fault{Op: "put", Kind: objstore.Throttled})
	s.PutIfAbsent(ctx, "k", make([]byte, 100))
	s.PutIfAbsent(ctx, "k", make([]byte, 10))
	s.Put(ctx, "k", make([]byte, 7))
	s.GetRange(ctx, "k", 0, 30)
	s.GetRange(ctx, "missing", 0, 30)
	s.Head(ctx, "k")
	s.List(ctx, "", "", 10)
	s.Delete(ctx, "a", "b")

	want := meter.Snapshot{
		{Name: "put-if-absent", Requests: 2, BytesSent: 110, Errors: map[objstore.ErrorKind]uint64{objstore.Exists: 1}},
		{Name: "put", Requests: 1, BytesSent: 7, Errors: map[objstore.ErrorKind]uint64{objstore.Throttled: 1}},
		{Name: "get", Requests: 2, BytesReceived: 30, Errors: map[objstore.ErrorKind]uint64{objstore.NotFound: 1}},
		{Name: "head", Requests: 1},
		{Name: "list", Requests: 1},
		{Name: "delete", Requests: 1},
	}
	got := s.Snapshot()
	if len(got) != len(want) {
		t.Fatalf("%d operations, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Name != w.Name || g.Requests != w.Requests || g.BytesSent != w.BytesSent || g.BytesReceived != w.BytesReceived || !maps.Equal(g.Errors, w.Errors) {
			t.Errorf("counted %+v, want %+v", g, w)
		}
		// 3 ms lie in the bucket up to 5 ms.
		if g.Latency[2] != w.Requests || g.TotalTime != time.Duration(w.Requests)*3*time.Millisecond {
			t.Errorf("%s: latency %v, in all %v; want %d calls of 3 ms", g.Name, g.Latency, g.TotalTime, w.Requests)
		}
	}
}

func TestLatencyBuckets(t *testing.T) {
	for took, bucket := range map[time.Duration]int{
		0:                    0,
		time.Millisecond:     0,
		time.Millisecond + 1: 1,
		10 * time.Second:     len(meter.LatencyBounds) - 1,
		time.Hour:            len(meter.LatencyBounds),
	} {
		s := meter.New(&ticking{Env: env.Real(), took: took}, memstore.New(time.Now))
		s.Head(t.Context(), "k")
		if got := s.Snapshot()[3].Latency; got[bucket] != 1 {
			t.Errorf("a call of %v is counted in %v, want bucket %d", took, got, bucket)
		}
	}
}

// nothing is a store that does nothing, to measure what counting costs.
type nothing struct{ objstore.Store }

func (nothing) Head(context.Context, string) (objstore.Meta, error) { return objstore.Meta{}, nil }

func BenchmarkCounting(b *testing.B) {
	s := meter.New(env.Real(), nothing{})
	b.ReportAllocs()
	for b.Loop() {
		s.Head(b.Context(), "k")
	}
}
