package fault_test

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func TestConformanceWithoutFaults(t *testing.T) {
	conformance.Run(t, func(*testing.T) objstore.Store { return fault.New(memstore.New(time.Now)) })
}

// has reports whether the bucket holds key.
func has(t *testing.T, s objstore.Store, key string) bool {
	t.Helper()
	_, err := s.Head(t.Context(), key)
	if err != nil && !objstore.Is(err, objstore.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestBeforeAfterAndLate(t *testing.T) {
	for _, c := range []struct {
		name             string
		when             fault.When
		atOnce, afterAll bool
	}{
		{"before", fault.Before, false, false},
		{"after", fault.After, true, true},
		{"late", fault.Late, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := memstore.New(time.Now)
			s := fault.New(inner)
			s.Inject(fault.Fault{Op: "put-if-absent", When: c.when, Kind: objstore.Ambiguous})
			body := []byte("mine")
			if _, err := s.PutIfAbsent(t.Context(), "k", body); !objstore.Is(err, objstore.Ambiguous) {
				t.Fatalf("PutIfAbsent = %v, want the injected error", err)
			}
			copy(body, "????")
			if got := has(t, inner, "k"); got != c.atOnce {
				t.Errorf("after the error the object is there: %v, want %v", got, c.atOnce)
			}
			s.Land()
			if got := has(t, inner, "k"); got != c.afterAll {
				t.Errorf("in the end the object is there: %v, want %v", got, c.afterAll)
			}
			if o, err := inner.GetRange(t.Context(), "k", 0, -1); err == nil && string(o.Body) != "mine" {
				t.Errorf("the object holds %q", o.Body)
			}
		})
	}
}

func TestSkipTimesAndClear(t *testing.T) {
	s := fault.New(memstore.New(time.Now))
	s.Inject(fault.Fault{Op: "head", KeyPrefix: "journal/", Skip: 1, Times: 2, Kind: objstore.Throttled})
	s.Inject(fault.Fault{Op: "list", Times: -1, Kind: objstore.Other})
	want := []objstore.ErrorKind{objstore.NotFound, objstore.Throttled, objstore.Throttled, objstore.NotFound}
	for i, kind := range want {
		if _, err := s.Head(t.Context(), "data/x"); !objstore.Is(err, objstore.NotFound) {
			t.Errorf("another prefix fails: %v", err)
		}
		if _, err := s.Head(t.Context(), "journal/1"); !objstore.Is(err, kind) {
			t.Errorf("call %d = %v, want kind %q", i, err, kind)
		}
		if _, err := s.List(t.Context(), "", "", 1); err == nil {
			t.Errorf("listing %d succeeds", i)
		}
	}
	s.Clear()
	if _, err := s.List(t.Context(), "", "", 1); err != nil {
		t.Errorf("List after Clear = %v", err)
	}
	if heads, lists := s.Count("head"), s.Count("list"); heads != 8 || lists != 5 {
		t.Errorf("counted %d heads and %d lists, want 8 and 5", heads, lists)
	}
}
