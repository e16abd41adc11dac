package conformance

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millrace-io/millrace/internal/objstore"
)

func testCreate(t *suite) {
	meta := t.create("journal/1", "first")
	if meta.Date.IsZero() {
		t.Error("PutIfAbsent's answer lacks the store's Date")
	}
	_, err := t.s.PutIfAbsent(t.ctx, "journal/1", []byte("second"))
	t.wantKind(err, objstore.Exists)
	t.wantBody("journal/1", "first")

	// A key can be created again after it was deleted.
	if err := t.s.Delete(t.ctx, "journal/1"); err != nil {
		t.Fatal(err)
	}
	t.create("journal/1", "third")
	t.wantBody("journal/1", "third")
}

func testCreateRace(t *suite) {
	if err := Compete(t.ctx, []objstore.Store{t.s}, 8, 10); err != nil {
		t.Fatal(err)
	}
}

// Compete lets racers goroutines for each of stores, which are the same bucket, race to create each of keys objects. It
// fails unless each object has exactly one winner, holds the winner's body, and every loser was refused.
func Compete(ctx context.Context, stores []objstore.Store, racers, keys int) error {
	for k := range keys {
		if err := competeFor(ctx, stores, racers, fmt.Sprintf("race/%03d", k)); err != nil {
			return err
		}
	}
	return nil
}

func competeFor(ctx context.Context, stores []objstore.Store, racers int, key string) error {
	errs := make([]error, len(stores)*racers)
	var done sync.WaitGroup
	start := make(chan struct{})
	for i := range errs {
		done.Go(func() {
			<-start
			_, errs[i] = stores[i%len(stores)].PutIfAbsent(ctx, key, raceBody(i))
		})
	}
	close(start)
	done.Wait()
	var winners, others []int
	for i, err := range errs {
		switch {
		case err == nil:
			winners = append(winners, i)
		case objstore.Is(err, objstore.Ambiguous): // 409: somebody else is at it
			others = append(others, i)
		case !objstore.Is(err, objstore.Exists):
			return fmt.Errorf("racer %d for %q: %w", i, key, err)
		}
	}
	// If the winner was told "ambiguous" there is none who knows that it won.
	if len(winners) > 1 || len(winners)+len(others) == 0 {
		return fmt.Errorf("the race for %q has winners %v, want exactly one", key, winners)
	}
	o, err := stores[0].GetRange(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	for _, i := range append(winners, others...) {
		if bytes.Equal(o.Body, raceBody(i)) && (len(winners) == 0 || i == winners[0]) {
			return nil
		}
	}
	return fmt.Errorf("%q holds %.20q, which is not what winner %v wrote", key, o.Body, winners)
}

// raceBody is a body long enough for a torn or mixed write to show.
func raceBody(racer int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "racer %03d|", racer), 1000)
}

func testCreateWhileReading(t *suite) {
	body := noise(1<<20, 1)
	var created atomic.Bool
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for last := false; !last; {
				last = created.Load()
				o, err := t.s.GetRange(t.ctx, "k", 0, -1)
				switch {
				case err == nil && !bytes.Equal(o.Body, body):
					t.Errorf("a reader saw half an object: %d bytes", len(o.Body))
					return
				case err != nil && (last || !objstore.Is(err, objstore.NotFound)):
					t.Errorf("reading, created %v: %v", last, err)
					return
				}
			}
		})
	}
	t.create("k", string(body))
	created.Store(true)
	done.Wait()
}

// testBigCreate: clients that split a body of 16 MiB or more into parts drop the condition. A server may refuse before
// it has read the body and close the connection, which the client can only call ambiguous.
func testBigCreate(t *suite) {
	first, second := noise(17<<20, 1), noise(17<<20, 2)
	t.create("data/big", string(first))
	if _, err := t.s.PutIfAbsent(t.ctx, "data/big", second); !objstore.Is(err, objstore.Exists) && !objstore.Is(err, objstore.Ambiguous) {
		t.Fatalf("PutIfAbsent = %v, want kind %q or %q", err, objstore.Exists, objstore.Ambiguous)
	}
	t.wantBody("data/big", string(first))
	if _, err := t.s.Put(t.ctx, "data/big", second); err != nil {
		t.Fatal(err)
	}
	t.wantBody("data/big", string(second))
}

func testOverwrite(t *suite) {
	t.put("k", "a longer first")
	t.put("k", "second")
	t.wantBody("k", "second")
	_, err := t.s.PutIfAbsent(t.ctx, "k", []byte("third"))
	t.wantKind(err, objstore.Exists)
	t.wantBody("k", "second")
}

// testParts: also more parts than one system call takes, and such as are longer than what a driver hands on at once.
func testParts(t *suite) {
	body := noise(1<<20, 3)
	for name, sizes := range map[string][]int{
		"one": {1 << 20}, "many": slices.Repeat([]int{1, 2, 300}, 3000), "long ones": {5, 300 << 10, 0, 0, 128 << 10, 1, 200 << 10}, "none": {},
	} {
		var parts [][]byte
		at := 0
		for _, n := range sizes {
			parts = append(parts, body[at:at+n])
			at += n
		}
		given := slices.Clone(parts)
		meta, err := t.s.Put(t.ctx, "data/parts", parts...)
		if err != nil || meta.SizeBytes != int64(at) {
			t.Fatalf("%s: Put = %+v, %v; want %d bytes", name, meta, err, at)
		}
		if !slices.EqualFunc(parts, given, func(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }) {
			t.Errorf("%s: Put changed its parts, which whoever repeats it gives it again", name)
		}
		t.wantBody("data/parts", string(body[:at]))
	}
}

func testEmpty(t *suite) {
	t.create("empty", "")
	_, err := t.s.PutIfAbsent(t.ctx, "empty", []byte("not empty"))
	t.wantKind(err, objstore.Exists)
	t.wantBody("empty", "")
	if meta, err := t.s.Head(t.ctx, "empty"); err != nil || meta.SizeBytes != 0 {
		t.Errorf("Head = %+v, %v; want 0 bytes", meta, err)
	}
	if keys, _ := t.list("", "", 10); len(keys) != 1 {
		t.Errorf("listing = %v, want the empty object", keys)
	}
}

func testBodiesNotShared(t *suite) {
	body := []byte("mine")
	if _, err := t.s.Put(t.ctx, "k", body); err != nil {
		t.Fatal(err)
	}
	copy(body, "!!!!")
	o, err := t.s.GetRange(t.ctx, "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if string(o.Body) != "mine" {
		t.Fatalf("the store retained the writer's buffer: %q", o.Body)
	}
	copy(o.Body, "????")
	t.wantBody("k", "mine")
}

func testDelete(t *suite) {
	t.create("a", "1")
	t.create("dir/b", "2")
	t.create("dir/c", "3")
	// "dir" is the beginning of keys but none itself; "a/x" would lie below an object.
	for range 2 {
		if err := t.s.Delete(t.ctx, "dir/b", "never/was", "dir", "a/x"); err != nil {
			t.Fatalf("Delete must not mind keys that are not there: %v", err)
		}
	}
	_, err := t.s.Head(t.ctx, "dir/b")
	t.wantKind(err, objstore.NotFound)
	t.wantBody("a", "1")
	t.wantBody("dir/c", "3")
	if err := t.s.Delete(t.ctx); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
}

// testDeleteMany takes more keys than fit into one S3 multi-delete.
func testDeleteMany(t *suite) {
	keys := make([]string, 1005)
	for i := range keys {
		keys[i] = fmt.Sprintf("many/%04d", i)
		if i%50 == 0 {
			t.create(keys[i], "x")
		}
	}
	t.create("stays", "y")
	if err := t.s.Delete(t.ctx, keys...); err != nil {
		t.Fatal(err)
	}
	if left, _ := t.list("", "", 1000); len(left) != 1 || left[0] != "stays" {
		t.Errorf("left = %v, want only %q", left, "stays")
	}
}

func testCancelled(t *suite) {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	_, err := t.s.PutIfAbsent(ctx, "k", []byte("x"))
	if !objstore.Is(err, objstore.Other) && !objstore.Is(err, objstore.Ambiguous) {
		t.Errorf("PutIfAbsent with a cancelled context = %v, want a refusal", err)
	}
	if _, err := t.s.GetRange(ctx, "k", 0, -1); !objstore.Is(err, objstore.Other) {
		t.Errorf("GetRange with a cancelled context = %v, want kind %q", err, objstore.Other)
	}
	if _, err := t.s.List(ctx, "", "", 10); !objstore.Is(err, objstore.Other) {
		t.Errorf("List with a cancelled context = %v, want kind %q", err, objstore.Other)
	}
}
