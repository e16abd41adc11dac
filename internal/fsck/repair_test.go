package fsck_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// aged is a bed whose bucket's clock a test moves.
type aged struct {
	*bed
	now time.Time
}

func newAged(t *testing.T) *aged {
	a := &aged{now: time.Now()}
	a.bed = filled(t, memstore.New(func() time.Time { return a.now }))
	return a
}

func (a *aged) pass(d time.Duration) { a.now = a.now.Add(d) }

// proceed has an agent work: produce, and what else the caller wants.
func (a *aged) proceed(n int, more ...func(*control.Control)) {
	a.t.Helper()
	a.serve(func(c *control.Control, i *ingest.Ingest) {
		a.produce(i, n)
		for _, f := range more {
			f(c)
		}
	})
}

func trim(t *testing.T, partition int32, offset int64) func(*control.Control) {
	return func(c *control.Control) {
		t.Helper()
		if v, err := c.Propose(&log.DeleteRecords{ID: topic, Index: partition, Offset: offset}).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(err, v)
		}
	}
}

// Entries that were deleted for a snapshot whose age the bucket's front ends do not quite agree about are not lost; those that no
// front end can have let go are.
func TestTruncatedByAnotherClock(t *testing.T) {
	for age, damage := range map[time.Duration]int{59 * time.Minute: 0, 29 * time.Minute: 1} {
		b := newAged(t)
		b.snapshot(0)
		b.pass(age)
		b.delete(b.keys("journal/")...)
		if r := b.check(fsck.Options{}); r.Damage != damage || r.Records != 36 {
			t.Errorf("%v old: %+v", age, r)
		}
	}
}

// Everything that nobody needs any more goes at once, and nothing else: plain fsck says before what it will be.
func TestRepair(t *testing.T) {
	b := newAged(t)
	first := b.snapshot(0)
	b.proceed(6)
	second := b.snapshot(0)
	b.flip(first, 30) // superfluous, once the second is old enough
	orphan := b.orphan()
	b.put("part/"+strings.Repeat("ab", 32), []byte("of a snapshot that was never finished"))
	b.put("scratch/"+strings.Repeat("0", 32), nil)
	b.put("probe/0123-1-create", []byte("x"))
	b.put("data/README.txt", []byte("hello"))
	b.pass(2 * time.Hour)
	emptied := b.files()[0]
	b.proceed(7, trim(t, 0, 3), trim(t, 1, 3))
	b.pass(2 * time.Hour)
	b.proceed(8)
	young := segment.Key(base.FileRef{ID: base.ULID{9}})
	b.put(young, []byte("under way"))
	b.put("probe/4567-1-create", []byte("of an agent that is starting"))

	before := b.contents()
	plain := b.check(fsck.Options{})
	if b.contents() != before {
		t.Fatal("a check changed the bucket")
	}
	for _, want := range []fsck.Problem{
		{Severity: fsck.Damage, Key: first, Text: second + " is newer"},
		{Severity: fsck.Garbage, Key: journal.EntryKey(1), Text: "not needed any more: " + second},
		{Severity: fsck.Garbage, Key: orphan, Text: "an orphan"},
		{Severity: fsck.Garbage, Key: emptied, Text: "nothing of this file"},
		{Severity: fsck.Garbage, Key: "part/" + strings.Repeat("ab", 32), Text: "no snapshot that stays"},
		{Severity: fsck.Garbage, Key: "scratch/" + strings.Repeat("0", 32)},
		{Severity: fsck.Garbage, Key: "probe/0123-1-create"},
	} {
		want.Repair = fsck.Possible
		if !found(plain, want) {
			t.Errorf("not found: %+v", want)
		}
	}
	if plain.OK() || plain.Refused != "" || plain.Deleted != (fsck.Deleted{}) {
		t.Errorf("%+v", plain)
	}

	_, state := b.replica()
	r := b.check(fsck.Options{Repair: true})
	if !r.OK() || r.Mended != 1 || r.Deleted.Files != 2 || r.Deleted.Snapshots != 1 || r.Deleted.Entries == 0 || r.Deleted.Parts == 0 || r.Deleted.Scratch != 2 {
		t.Errorf("%+v", r)
	}
	if slices.ContainsFunc(r.Problems, func(p fsck.Problem) bool { return p.Repair == fsck.Possible }) {
		t.Errorf("not done: %+v", r.Problems)
	}
	for _, key := range []string{orphan, emptied, first, journal.EntryKey(1)} {
		if b.has(key) {
			t.Errorf("%s is still there", key)
		}
	}
	for _, key := range []string{"data/README.txt", young, second, "probe/4567-1-create"} {
		if !b.has(key) {
			t.Errorf("%s is gone", key)
		}
	}
	again := b.check(fsck.Options{Repair: true})
	if again.Damage+again.Garbage != 0 || again.Notes != 1 || again.Deleted != (fsck.Deleted{}) || again.Records != r.Records {
		t.Errorf("%+v", again)
	}
	if _, s := b.replica(); s.Digest() != state.Digest() {
		t.Error("another state")
	}
}

// What is not old enough, or not proved to be, stays.
func TestNotRepairedYet(t *testing.T) {
	b := newAged(t)
	b.snapshot(0)
	b.orphan()
	emptied := b.files()[0]
	b.pass(50 * time.Minute)
	b.proceed(6, trim(t, 0, 3), trim(t, 1, 3))
	b.orphan()
	b.pass(50 * time.Minute) // the snapshot is old, but so idle was the cluster that no entry proves anything of the files
	r := b.check(fsck.Options{})
	if r.Uncommitted != 1 || !found(r, fsck.Problem{Severity: fsck.Garbage, Text: "since less than 10 minutes: 1"}) {
		t.Errorf("%+v", r)
	}
	b.pass(50 * time.Minute)
	r = b.check(fsck.Options{Repair: true})
	if r.Deleted.Files != 0 || r.Deleted.Entries == 0 || !b.has(emptied) || r.Uncommitted != 1 {
		t.Errorf("%+v", r)
	}
	if p := r.Problems[len(r.Problems)-1]; p.Severity != fsck.Garbage && p.Severity != fsck.Note || !found(r, fsck.Problem{Severity: fsck.Note, Key: segment.Key(base.FileRef{ID: base.ULID{1, 2, 3}}), Text: "start an agent"}) {
		t.Errorf("%+v", r.Problems)
	}
	b.proceed(7)
	if r = b.check(fsck.Options{Repair: true}); r.Deleted.Files != 2 || b.has(emptied) || r.Uncommitted != 0 || !r.OK() {
		t.Errorf("%+v", r)
	}
}

// A late snapshot is good to start from, and nothing is deleted for it.
func TestNothingGoesForALateSnapshot(t *testing.T) {
	b := newAged(t)
	key := b.snapshot(0)
	body := b.get(key)
	b.pass(40 * time.Minute)
	b.put(key, body) // as a PUT that came late: its Last-Modified is after its deadline
	b.pass(2 * time.Hour)
	b.proceed(6)
	r := b.check(fsck.Options{Repair: true})
	if !r.OK() || r.Garbage > 0 || r.Deleted != (fsck.Deleted{}) || !b.has(journal.EntryKey(1)) || !found(r, fsck.Problem{Severity: fsck.Note, Key: key, Text: "after its deadline"}) {
		t.Errorf("%+v", r)
	}
}

// The newest snapshot is damaged: agents start from an older one. It is reported and left to them, also where that is old.
func TestDamagedNewestSnapshotIsLeft(t *testing.T) {
	b := newAged(t)
	b.snapshot(0)
	b.proceed(6)
	newest := b.snapshot(0)
	b.proceed(7)
	b.pass(2 * time.Hour)
	b.flip(newest, 30)
	before := b.contents()
	r := b.check(fsck.Options{Repair: true})
	if slices.ContainsFunc(r.Problems, func(p fsck.Problem) bool { return strings.HasPrefix(p.Key, "part/") }) {
		t.Errorf("parts of a snapshot that cannot be read are called garbage: %+v", r.Problems)
	}
	if r.OK() || b.contents() != before || r.Records != 48 || !found(r, fsck.Problem{Severity: fsck.Note, Text: "agents start from an older snapshot"}) {
		t.Errorf("%+v", r)
	}
}

// Without a state that agents come to nothing is garbage.
func TestNoRepairWhereNoAgentStarts(t *testing.T) {
	b := newAged(t)
	b.orphan()
	b.pass(2 * time.Hour)
	b.proceed(6)
	l, _ := b.replica()
	slot, _ := l.Position()
	b.delete(journal.EntryKey(slot - 1))
	before := b.contents()
	r := b.check(fsck.Options{Repair: true})
	if r.OK() || r.Refused == "" || b.contents() != before || !found(r, fsck.Problem{Severity: fsck.Note, Text: "an agent that starts now stops"}) {
		t.Errorf("%+v", r)
	}
}

// hooked calls a function before the nth listing of a prefix.
type hooked struct {
	objstore.Store
	prefix string
	n      int
	f      func()
}

func (h *hooked) List(ctx context.Context, prefix, after string, limit int) (objstore.Page, error) {
	if prefix == h.prefix {
		if h.n--; h.n == 0 {
			h.f()
		}
	}
	return h.Store.List(ctx, prefix, after, limit)
}

// A snapshot that comes while the bucket is checked may have the check begin anew: what was read may have been deleted for it.
func TestSnapshotMeanwhile(t *testing.T) {
	for n := 1; n <= 3; n++ {
		b := newAged(t)
		store := &hooked{Store: b.store, prefix: "snapshot/", n: n, f: func() {
			b.proceed(6)
			b.snapshot(0)
		}}
		r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{Repair: true})
		if err != nil || !r.OK() || len(r.Problems) > 0 || store.n > 0 || r.Snapshots != 1 || r.Records != 42 {
			t.Errorf("before listing %d: %v, %+v", n, err, r)
		}
	}
}

// hiding leaves a key out of the first listings of its prefix, as a folder that is written to meanwhile may.
type hiding struct {
	objstore.Store
	key   string
	times int
}

func (h *hiding) List(ctx context.Context, prefix, after string, limit int) (objstore.Page, error) {
	page, err := h.Store.List(ctx, prefix, after, limit)
	if i := slices.IndexFunc(page.Entries, func(o objstore.ListEntry) bool { return o.Key == h.key }); i >= 0 && prefix != "" && h.times > 0 {
		h.times--
		page.Entries = slices.Delete(page.Entries, i, i+1)
	}
	return page, err
}

// What a listing has left out is looked for before it is called lost.
func TestListingThatLacksAnObject(t *testing.T) {
	b := newAged(t)
	b.snapshot(0)
	b.proceed(6)
	for _, key := range []string{journal.EntryKey(4), journal.EntryKey(11), b.files()[0]} {
		store := &hiding{Store: b.store, key: key, times: 1}
		if r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{}); err != nil || len(r.Problems) != 0 || store.times != 0 {
			t.Errorf("%s: %v, %+v", key, err, r)
		}
	}
}

// Records that are lost and were given up are no damage any more.
func TestRecordsGivenUp(t *testing.T) {
	b := newAged(t)
	b.delete(b.files()[0])
	if r := b.check(fsck.Options{}); r.Damage != 1 {
		t.Errorf("%+v", r)
	}
	b.proceed(6, trim(t, 0, 3), trim(t, 1, 3))
	if r := b.check(fsck.Options{}); !r.OK() || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
}

// An entry that is another one at the second look is named, and nothing is deleted.
func TestTwoReadingsDisagree(t *testing.T) {
	b := newAged(t)
	b.orphan()
	b.pass(2 * time.Hour)
	b.proceed(6)
	last := b.keys("journal/")[len(b.keys("journal/"))-1]
	store := &hooked{Store: b.store, prefix: "snapshot/", n: 2, f: func() {
		e, err := journal.DecodeEntry(b.get(last))
		if err != nil {
			t.Fatal(err)
		}
		e.Time++
		other, err := journal.EncodeEntry(e.Header, e.Payload)
		if err != nil {
			t.Fatal(err)
		}
		b.put(last, other)
	}}
	r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{Repair: true})
	if err != nil || r.OK() || r.Refused == "" || !strings.Contains(r.Problems[0].Text, "in this check") || len(b.keys("data/")) != 8 {
		t.Errorf("%v, %+v", err, r)
	}
}

// What is not what was checked is not touched: a snapshot that was not there, and the bucket of another cluster.
func TestNotWhatWasChecked(t *testing.T) {
	for name, test := range map[string]struct {
		prefix string
		n      int
		f      func(b *aged)
		says   string
	}{
		"snapshot": {"snapshot/", 4, func(b *aged) {
			b.proceed(7)
			b.pass(-2 * time.Hour)
			b.snapshot(0)
			b.pass(2 * time.Hour)
		}, "check again"},
		"bucket": {"scratch/", 1, func(b *aged) {
			other := filled(b.t, memstore.New(time.Now))
			b.put("cluster.json", other.get("cluster.json"))
		}, "this agent is of"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newAged(t)
			b.snapshot(0)
			orphan := b.orphan()
			b.pass(2 * time.Hour)
			b.proceed(6)
			store := &hooked{Store: b.store, prefix: test.prefix, n: test.n, f: func() { test.f(b) }}
			r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{Repair: true})
			if err == nil || !strings.Contains(err.Error(), test.says) || r.Deleted != (fsck.Deleted{}) || !b.has(orphan) || !b.has(journal.EntryKey(1)) {
				t.Errorf("%v, %+v", err, r)
			}
		})
	}
}

// Repairs beside agents that work lose nothing.
func TestRepairBesideAnAgent(t *testing.T) {
	b := newAged(t)
	b.snapshot(0)
	b.pass(2 * time.Hour)
	b.serve(func(_ *control.Control, i *ingest.Ingest) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := 6; n < 60; n++ {
				b.produce(i, n)
			}
		}()
		for checks := 0; ; checks++ {
			if r := b.check(fsck.Options{Repair: true}); !r.OK() {
				t.Errorf("%+v", r)
			}
			select {
			case <-done:
				t.Logf("%d checks", checks+1)
				return
			default:
			}
		}
	})
	if r := b.check(fsck.Options{}); !r.OK() || r.Records != 60*6 {
		t.Errorf("%+v", r)
	}
}

// Whatever happened to a bucket short of damage, repairing it changes nothing for agents: they come to the same state, and every
// file it refers to is there and whole.
func TestRepairLosesNothing(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			story(t, rand.New(rand.NewPCG(seed, 0)), seed%2 == 1)
		})
	}
}

// story has things happen to a bucket at random, with a repair now and then.
func story(t *testing.T, random *rand.Rand, rides bool) {
	b := newAged(t)
	b.rides = rides
	rounds := 6
	var deleted fsck.Deleted
	var late [][2]string // entries as PUTs that may still arrive
	for range 50 {
		switch random.IntN(11) {
		case 0, 1:
			b.proceed(rounds)
			rounds++
		case 2:
			b.proceed(rounds, trim(t, random.Int32N(2), random.Int64N(int64(3*rounds))+1))
			rounds++
		case 3:
			if l, _ := b.replica(); !b.has(journal.SnapshotKey(slotOf(l))) {
				b.snapshot(0)
			}
		case 4:
			b.pass(time.Duration(random.IntN(100)) * time.Minute)
		case 5:
			key := segment.Key(base.FileRef{ID: base.ULID{1, byte(random.Uint32()), byte(random.Uint32()), 15: byte(random.Uint32())}})
			b.put(key, []byte("an upload that is never committed"))
		case 6:
			if keys := b.keys("journal/"); len(keys) > 0 {
				key := keys[random.IntN(len(keys))]
				late = append(late, [2]string{key, string(b.get(key))})
			}
			for _, e := range late {
				_, newest := b.snapshots()
				if !b.has(e[0]) && e[0][len("journal/"):] <= newest[len("snapshot/"):] && random.IntN(2) == 0 {
					b.put(e[0], []byte(e[1]))
				}
			}
		case 7:
			_, before := b.replica()
			r := b.check(fsck.Options{Repair: true})
			_, after := b.replica()
			if !r.OK() || before.Digest() != after.Digest() {
				t.Fatalf("%+v", r)
			}
			if r := b.check(fsck.Options{}); !r.OK() || r.Repairable != 0 {
				t.Fatalf("after a repair: %+v", r)
			}
			deleted.Entries += r.Deleted.Entries
			deleted.Files += r.Deleted.Files
		case 8:
			b.serve(func(c *control.Control, _ *ingest.Ingest) { b.land(c, 1+random.IntN(3)) })
		case 9:
			b.serve(func(c *control.Control, _ *ingest.Ingest) { b.merge(c, random.Int32N(2), 2+random.IntN(8)) })
		case 10:
			b.serve(func(c *control.Control, _ *ingest.Ingest) { b.remove(c) })
		}
	}
	t.Logf("deleted %+v", deleted)
}

func (b *bed) snapshots() (keys []string, newest string) {
	b.t.Helper()
	keys = b.keys("snapshot/")
	if len(keys) == 0 {
		return nil, "snapshot/"
	}
	return keys, keys[len(keys)-1]
}

func slotOf(l *journal.Log) base.Slot {
	slot, _ := l.Position()
	return slot
}
