package latency_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/latency"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// hasty is an Env for which a thousand times as much time passes.
type hasty struct {
	env.Env
	began time.Time
}

func (e hasty) Now() time.Time        { return e.began.Add(1000 * time.Since(e.began)) }
func (e hasty) Sleep(d time.Duration) { time.Sleep(d / 1000) }

func TestConformance(t *testing.T) {
	p, _ := latency.Named("s3-standard")
	conformance.Run(t, func(*testing.T) objstore.Store {
		return latency.New(hasty{env.Real(), time.Now()}, memstore.New(time.Now), p)
	})
}

// blank is a store that holds anything that is asked for.
type blank struct{ objstore.Store }

func (blank) PutIfAbsent(context.Context, string, []byte) (objstore.Meta, error) {
	return objstore.Meta{}, nil
}
func (blank) Put(context.Context, string, ...[]byte) (objstore.Meta, error) {
	return objstore.Meta{}, nil
}
func (blank) Head(context.Context, string) (objstore.Meta, error) { return objstore.Meta{}, nil }
func (blank) Delete(context.Context, ...string) error             { return nil }
func (blank) List(context.Context, string, string, int) (objstore.Page, error) {
	return objstore.Page{}, nil
}

func (blank) GetRange(_ context.Context, _ string, _, n int64) (objstore.Object, error) {
	return objstore.Object{Body: object[:n]}, nil
}

var object = make([]byte, 8<<20)

const ms = time.Millisecond

// The profile's quantiles are what the requests of a virtual day take. Those of sizes that the profile does not name are
// reckoned here by hand.
func TestTheQuantilesOfWhatIsInjectedAreTheProfiles(t *testing.T) {
	put := func(n int) func(context.Context, objstore.Store) {
		return func(ctx context.Context, s objstore.Store) { s.PutIfAbsent(ctx, "k", object[:n]) }
	}
	get := func(n int64) func(context.Context, objstore.Store) {
		return func(ctx context.Context, s objstore.Store) { s.GetRange(ctx, "k", 0, n) }
	}
	for _, c := range []struct {
		profile, what string
		request       func(context.Context, objstore.Store)
		p50, p99      time.Duration
	}{
		{"s3-standard", "PUT of 1 B", put(1), 45 * ms, 150 * ms},
		{"s3-standard", "PUT of 64 KiB", put(64 << 10), 45 * ms, 150 * ms},
		{"s3-standard", "PUT of 256 KiB, a third of the way", put(256 << 10), 63_333 * time.Microsecond, 183_333 * time.Microsecond},
		{"s3-standard", "PUT of 512 KiB, half the way", put(512 << 10), 72_500 * time.Microsecond, 200 * ms},
		{"s3-standard", "PUT of 4 MiB", put(4 << 20), 100 * ms, 250 * ms},
		{"s3-standard", "PUT of 8 MiB", put(8 << 20), 155_873 * time.Microsecond, 351_587 * time.Microsecond},
		{"s3-standard", "overwriting PUT", func(ctx context.Context, s objstore.Store) { s.Put(ctx, "k", nil) }, 45 * ms, 150 * ms},
		{"s3-standard", "GET of nothing", get(0), 30 * ms, 120 * ms},
		{"s3-standard", "GET of 8 MB, 100 ms of it for the body", get(8_000_000), 130 * ms, 220 * ms},
		{"s3-standard", "HEAD", func(ctx context.Context, s objstore.Store) { s.Head(ctx, "k") }, 30 * ms, 120 * ms},
		{"s3-standard", "LIST", func(ctx context.Context, s objstore.Store) { s.List(ctx, "", "", 10) }, 60 * ms, 240 * ms},
		{"s3-standard", "DELETE of 1,000", func(ctx context.Context, s objstore.Store) { s.Delete(ctx, keys(1000)...) }, 45 * ms, 150 * ms},
		{"s3-express", "PUT of 64 KiB", put(64 << 10), 8 * ms, 20 * ms},
		{"s3-express", "PUT of 4 MiB", put(4 << 20), 25 * ms, 60 * ms},
		{"s3-express", "GET of nothing", get(0), 5 * ms, 15 * ms},
		{"gcs", "PUT of 64 KiB", put(64 << 10), 70 * ms, 250 * ms},
		{"gcs", "PUT of 4 MiB", put(4 << 20), 125 * ms, 350 * ms},
		{"gcs", "GET of nothing", get(0), 40 * ms, 150 * ms},
	} {
		t.Run(c.profile+"/"+c.what, func(t *testing.T) {
			took := sample(t, c.profile, 20_000, c.request)
			near(t, "p50", took[len(took)/2], c.p50, 0.02)
			near(t, "p99", took[len(took)*99/100], c.p99, 0.05)
		})
	}
}

// sample gives what n requests took by a virtual clock, sorted.
func sample(t *testing.T, profile string, n int, request func(context.Context, objstore.Store)) []time.Duration {
	t.Helper()
	p, ok := latency.Named(profile)
	if !ok {
		t.Fatalf("no profile %q", profile)
	}
	took := make([]time.Duration, n)
	err := sim.NewWorld(1).Run(func(e *sim.Proc) {
		s := latency.New(e, blank{}, p)
		for i := range took {
			began := e.Now()
			request(context.Background(), s)
			took[i] = e.Now().Sub(began)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	return took
}

func near(t *testing.T, what string, got, want time.Duration, tolerance float64) {
	t.Helper()
	if off := float64(got-want) / float64(want); off < -tolerance || off > tolerance {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func keys(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("k", i)
	}
	return all
}

func TestOneRequestInTwoThousandStallsForASecond(t *testing.T) {
	const n = 200_000
	took := sample(t, "s3-express", n, func(ctx context.Context, s objstore.Store) { s.Head(ctx, "k") })
	stalled := 0
	for _, d := range took {
		if d > time.Second {
			stalled++
		}
	}
	if want := n / 2000; stalled < want*7/10 || stalled > want*13/10 {
		t.Errorf("%d of %d requests stalled, want some %d", stalled, n, want)
	}
}

// slow is a store that takes its time by itself.
type slow struct {
	blank
	env  env.Env
	took time.Duration
}

func (s slow) Head(context.Context, string) (objstore.Meta, error) {
	s.env.Sleep(s.took)
	return objstore.Meta{}, nil
}

func TestWhatTheStoreItselfTakesIsAPartOfAReadsWait(t *testing.T) {
	p, _ := latency.Named("gcs")
	p.Head = latency.Spread{P50: 40 * ms, P99: 40 * ms}
	err := sim.NewWorld(1).Run(func(e *sim.Proc) {
		for own, want := range map[time.Duration]time.Duration{15 * ms: 40 * ms, 90 * ms: 90 * ms} {
			began := e.Now()
			latency.New(e, slow{env: e, took: own}, p).Head(context.Background(), "k")
			if got := e.Now().Sub(began); got != want {
				t.Errorf("a read of which the store takes %v takes %v, want %v", own, got, want)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A write is seen by nobody before its wait is over, and a read tells what was there when it began.
func TestWritesTakeEffectLateAndReadsTellOfTheirBeginning(t *testing.T) {
	p, _ := latency.Named("s3-standard")
	p.PutSmall, p.Get = latency.Spread{P50: 50 * ms, P99: 50 * ms}, latency.Spread{P50: 30 * ms, P99: 30 * ms}
	err := sim.NewWorld(1).Run(func(e *sim.Proc) {
		inner := memstore.New(e.Now)
		s, ctx := latency.New(e, inner, p), context.Background()
		e.Go("writer", func() { s.PutIfAbsent(ctx, "k", []byte("v")) })
		e.Sleep(40 * ms)
		if _, err := s.GetRange(ctx, "k", 0, -1); !objstore.Is(err, objstore.NotFound) {
			t.Errorf("a read that began before the write ended = %v, want %q", err, objstore.NotFound)
		}
		if o, err := s.GetRange(ctx, "k", 0, -1); err != nil || string(o.Body) != "v" {
			t.Errorf("a read that began after = %q, %v", o.Body, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAGivenUpWriteIsAmbiguousAndAGivenUpReadIsNot(t *testing.T) {
	p, _ := latency.Named("s3-standard")
	p.PutSmall, p.Get = latency.Spread{P50: time.Minute, P99: time.Minute}, latency.Spread{P50: time.Minute, P99: time.Minute}
	err := sim.NewWorld(1).Run(func(e *sim.Proc) {
		s := latency.New(e, memstore.New(e.Now), p)
		began := e.Now()
		ctx, cancel := e.WithTimeout(context.Background(), 100*ms)
		defer cancel()
		if _, err := s.PutIfAbsent(ctx, "k", nil); !objstore.Is(err, objstore.Ambiguous) {
			t.Errorf("a create that timed out = %v, want %q", err, objstore.Ambiguous)
		}
		ctx, cancel = e.WithTimeout(context.Background(), 100*ms)
		defer cancel()
		if _, err := s.GetRange(ctx, "k", 0, -1); !objstore.Is(err, objstore.Other) {
			t.Errorf("a read that timed out = %v, want %q", err, objstore.Other)
		}
		if took := e.Now().Sub(began); took > time.Second {
			t.Errorf("it took %v until they were given up", took)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheURLKeepsTheOption(t *testing.T) {
	p, _ := latency.Named("gcs")
	info := latency.New(env.Real(), memstore.New(time.Now, memstore.UnsteadyClock(), memstore.Named("x")), p).Info()
	if want := (objstore.Info{URL: "mem://x?latency=gcs", SteadyClock: true, Latency: "gcs"}); info != want {
		t.Errorf("Info() = %+v, want %+v", info, want)
	}
}
