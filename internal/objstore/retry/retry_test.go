package retry_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/retry"
)

// sleepless is an Env whose sleeps pass at once and are noted.
type sleepless struct {
	env.Env
	mu     sync.Mutex
	now    time.Time
	slept  []time.Duration
	onNext func()
}

func (e *sleepless) Now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *sleepless) Uint64() uint64 { return 1 << 63 }

func (e *sleepless) Sleep(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
	e.slept = append(e.slept, d)
	if e.onNext != nil {
		e.onNext()
	}
}

func newEnv() *sleepless { return &sleepless{Env: env.Real(), now: time.Unix(1000, 0)} }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) objstore.Store {
		return retry.New(env.Real(), memstore.New(time.Now), retry.DefaultPolicy)
	})
}

// operations calls each operation on an object that is there.
var operations = map[string]func(context.Context, objstore.Store) error{
	"put":    func(ctx context.Context, s objstore.Store) error { _, err := s.Put(ctx, "k", nil); return err },
	"get":    func(ctx context.Context, s objstore.Store) error { _, err := s.GetRange(ctx, "k", 0, -1); return err },
	"head":   func(ctx context.Context, s objstore.Store) error { _, err := s.Head(ctx, "k"); return err },
	"list":   func(ctx context.Context, s objstore.Store) error { _, err := s.List(ctx, "k", "", 1); return err },
	"delete": func(ctx context.Context, s objstore.Store) error { return s.Delete(ctx, "k") },
}

// failing gives a bucket that holds "k" and meets f.
func failing(t *testing.T, f fault.Fault) *fault.Store {
	t.Helper()
	inner := memstore.New(time.Now)
	if _, err := inner.Put(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	s := fault.New(inner)
	s.Inject(f)
	return s
}

func TestWhatPassesIsRepeated(t *testing.T) {
	for op, call := range operations {
		for _, kind := range []objstore.ErrorKind{objstore.Other, objstore.Throttled, objstore.Ambiguous} {
			inner := failing(t, fault.Fault{Op: op, Times: 3, Kind: kind})
			if err := call(t.Context(), retry.New(newEnv(), inner, retry.DefaultPolicy)); err != nil || inner.Count(op) != 4 {
				t.Errorf("%s, three times %q: %v after %d attempts, want success in the fourth", op, kind, err, inner.Count(op))
			}
		}
	}
}

func TestWhatDoesNotPassIsNotRepeated(t *testing.T) {
	for op, call := range operations {
		for _, kind := range []objstore.ErrorKind{objstore.NotFound, objstore.Exists, objstore.InvalidRange, objstore.Fatal} {
			inner := failing(t, fault.Fault{Op: op, Kind: kind})
			if err := call(t.Context(), retry.New(newEnv(), inner, retry.DefaultPolicy)); !objstore.Is(err, kind) || inner.Count(op) != 1 {
				t.Errorf("%s, once %q: %v after %d attempts, want that error after one", op, kind, err, inner.Count(op))
			}
		}
	}
}

// TestAConditionalPutIsNeverRepeated: with its answer lost, a second try would report its own object as somebody's.
func TestAConditionalPutIsNeverRepeated(t *testing.T) {
	for _, kind := range []objstore.ErrorKind{objstore.Other, objstore.Throttled, objstore.Ambiguous} {
		inner := failing(t, fault.Fault{Op: "put-if-absent", When: fault.After, Kind: kind})
		_, err := retry.New(newEnv(), inner, retry.DefaultPolicy).PutIfAbsent(t.Context(), "new", nil)
		if !objstore.Is(err, kind) || inner.Count("put-if-absent") != 1 {
			t.Errorf("PutIfAbsent = %v after %d attempts, want kind %q after one", err, inner.Count("put-if-absent"), kind)
		}
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	inner := failing(t, fault.Fault{Op: "head", Times: -1, Kind: objstore.Throttled})
	e := newEnv()
	policy := retry.Policy{Attempts: 6, FirstPause: 100 * time.Millisecond, MaxPause: time.Second, Deadline: time.Hour}
	if _, err := retry.New(e, inner, policy).Head(t.Context(), "k"); !objstore.Is(err, objstore.Throttled) || inner.Count("head") != 6 {
		t.Errorf("Head = %v after %d attempts, want the last error after 6", err, inner.Count("head"))
	}
	longest := []time.Duration{100, 200, 400, 800, 1000}
	if len(e.slept) != len(longest) {
		t.Fatalf("pauses %v, want 5", e.slept)
	}
	for i, pause := range e.slept {
		if most := longest[i] * time.Millisecond; pause < most/2 || pause > most {
			t.Errorf("pause %d = %v, want %v to %v", i, pause, most/2, most)
		}
	}
}

func TestNoAttemptBeginsPastTheDeadline(t *testing.T) {
	inner := failing(t, fault.Fault{Op: "head", Times: -1, Kind: objstore.Throttled})
	e := newEnv()
	policy := retry.Policy{Attempts: 1000, FirstPause: time.Second, MaxPause: time.Second, Deadline: 10 * time.Second}
	_, err := retry.New(e, inner, policy).Head(t.Context(), "k")
	if took := e.now.Sub(time.Unix(1000, 0)); !objstore.Is(err, objstore.Throttled) || took > policy.Deadline || took < policy.Deadline/2 {
		t.Errorf("Head = %v after %v, want the last error within %v", err, took, policy.Deadline)
	}
}

func TestACancelledCallerIsNotKept(t *testing.T) {
	inner := failing(t, fault.Fault{Op: "head", Times: -1, Kind: objstore.Throttled})
	ctx, cancel := context.WithCancel(t.Context())
	e := newEnv()
	e.onNext = cancel
	if _, err := retry.New(e, inner, retry.DefaultPolicy).Head(ctx, "k"); !objstore.Is(err, objstore.Throttled) || inner.Count("head") != 1 {
		t.Errorf("Head = %v after %d attempts, want the first error after one", err, inner.Count("head"))
	}
}
