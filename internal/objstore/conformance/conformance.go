package conformance

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
)

// Run proves Store's contract on a driver. newStore makes an empty store, each call another.
func Run(t *testing.T, newStore func(t *testing.T) objstore.Store) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"CreateIfAbsent", testCreate},
		{"CreateRace", testCreateRace},
		{"CreateWhileReading", testCreateWhileReading},
		{"BigConditionalPut", testBigCreate},
		{"Overwrite", testOverwrite},
		{"Parts", testParts},
		{"EmptyObject", testEmpty},
		{"BodiesAreNotShared", testBodiesNotShared},
		{"Ranges", testRanges},
		{"Missing", testMissing},
		{"Meta", testMeta},
		{"BadKeys", testBadKeys},
		{"DeepKeys", testDeepKeys},
		{"ListEdges", testListEdges},
		{"ListPages", testListPages},
		{"ListSeesAtOnce", testListSeesAtOnce},
		{"Delete", testDelete},
		{"DeleteMany", testDeleteMany},
		{"CancelledContext", testCancelled},
		{"Info", testInfo},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&suite{T: t, s: newStore(t), ctx: t.Context()}) })
	}
}

// suite is one test with its store; its helpers end the test when what must work fails.
type suite struct {
	*testing.T
	s   objstore.Store
	ctx context.Context
}

func (t *suite) create(key, body string) objstore.Meta {
	t.Helper()
	meta, err := t.s.PutIfAbsent(t.ctx, key, []byte(body))
	if err != nil {
		t.Fatalf("PutIfAbsent(%q): %v", key, err)
	}
	return meta
}

func (t *suite) put(key, body string) {
	t.Helper()
	if _, err := t.s.Put(t.ctx, key, []byte(body)); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func (t *suite) wantBody(key, body string) {
	t.Helper()
	o, err := t.s.GetRange(t.ctx, key, 0, -1)
	if err != nil {
		t.Fatalf("GetRange(%q): %v", key, err)
	}
	if string(o.Body) != body {
		t.Fatalf("GetRange(%q) = %.60q (%d bytes), want %.60q (%d bytes)", key, o.Body, len(o.Body), body, len(body))
	}
}

// wantKind also demands that the error is a full one: operation, key, and the store's Date.
func (t *suite) wantKind(err error, kind objstore.ErrorKind) {
	t.Helper()
	var e *objstore.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error = %v, want one of kind %q", err, kind)
	}
	if e.Op == "" || e.Key == "" || e.Cause == nil {
		t.Fatalf("error %#v lacks its operation, key or cause", e)
	}
	if kind != objstore.Fatal && e.Date.IsZero() {
		t.Fatalf("error %v lacks the store's Date", e)
	}
}

// list reads all pages of at most limit keys.
func (t *suite) list(prefix, startAfter string, limit int) (keys []string, pages int) {
	t.Helper()
	for {
		page, err := t.s.List(t.ctx, prefix, startAfter, limit)
		if err != nil {
			t.Fatalf("List(%q, %q): %v", prefix, startAfter, err)
		}
		if page.Date.IsZero() {
			t.Fatalf("List(%q, %q) lacks the store's Date", prefix, startAfter)
		}
		if len(page.Entries) > limit {
			t.Fatalf("List(%q) = %d keys, asked for %d at most", prefix, len(page.Entries), limit)
		}
		for _, e := range page.Entries {
			keys = append(keys, e.Key)
		}
		pages++
		if !page.More {
			return keys, pages
		}
		if len(page.Entries) == 0 {
			t.Fatalf("List(%q, %q) promises more but gives nothing to start after", prefix, startAfter)
		}
		startAfter = keys[len(keys)-1]
	}
}

// noise gives n bytes that do not compress, the same for the same seed.
func noise(n int, seed byte) []byte {
	body := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(body)
	return body
}

// closeTo reports whether a store's moment is now, give or take a coarse or skewed clock.
func closeTo(moment time.Time) bool {
	return time.Since(moment).Abs() < time.Minute
}
