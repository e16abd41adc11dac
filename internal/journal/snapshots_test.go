package journal

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func TestUnchangedPartsAreTakenOver(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		one := must(b.snapshot(l, nil, "same=1", "told=2", "changes=3", "goes=4"))
		b.append(l, "b")
		b.trace(nil)
		two := must(b.snapshot(l, &one, "same=1", "told", "changes=33", "new=5"))
		puts := 0
		for _, c := range b.calls {
			if strings.HasPrefix(c, "put part/") {
				puts++
			}
		}
		b.want(puts == 2 && two.Parts[0] == one.Parts[0] && two.Parts[1] == one.Parts[1], "%d parts uploaded", puts)
		r := &memory{}
		must(Open(b.Proc, b.store, b.c, testW).Load(ctx, r))
		b.want(r.has("same=1", "told=2", "changes=33", "new=5"), "%q", r.parts)
	})
}

func TestWriteRefuses(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		one := must(b.snapshot(l, nil, "x=a"))
		b.append(l, "b")
		_, err := b.snapshot(l, &one, "unknown")
		b.want(err != nil && strings.Contains(err.Error(), "unknown"), "%v", err)
		_, err = b.snapshot(l, nil, "x=1", "x=2")
		b.want(err != nil, "a key twice")
		_, err = b.snapshot(l, nil, "x="+string(make([]byte, MaxPartBytes+1)))
		b.want(strings.Contains(err.Error(), "at most"), "%v", err)
		b.want(len(b.keys(snapshotPrefix)) == 1, "written: %q", b.keys(snapshotPrefix))
		b.store.Delete(ctx, SnapshotKey(1))
		_, err = b.snapshot(l, &one, "x")
		b.want(err == ErrBase, "built on a deleted snapshot: %v", err)
	})
}

func TestSnapshotOfTheSameSlot(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.append(l, "a")
		b.next(other, Believed, "a")
		one := must(b.snapshot(l, nil, "x=a"))
		two := must(b.snapshot(other, nil, "x=a"))
		b.want(one.Point == two.Point && one.Parts[0] == two.Parts[0], "%+v, %+v", one, two)
		// The race: the other's manifest lands between listing and PUT.
		b.append(l, "b")
		b.next(other, Believed, "b")
		b.store.hook = func(op, key string, do func() error) error {
			if op == "put" && strings.HasPrefix(key, snapshotPrefix) {
				b.store.hook = nil
				one = must(b.snapshot(other, nil, "x=ab"))
			}
			return do()
		}
		two = must(b.snapshot(l, nil, "x=ab"))
		b.want(one.Parts[0] == two.Parts[0], "another manifest")
		l.chain[0] ^= 1
		_, err := b.snapshot(l, nil, "x=ab")
		b.want(base.KindOf(err) == base.StorageError && strings.Contains(err.Error(), "another state"), "%v", err)
		b.next(other, Absent, "")
		b.append(other, "c")
		must(b.snapshot(other, nil))
		_, err = b.snapshot(l, nil)
		b.want(err == ErrNewerSnapshot, "%v", err)
	})
}

func TestAmbiguousManifestPut(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		b.store.hook = func(op, key string, do func() error) error {
			if op == "put" && strings.HasPrefix(key, snapshotPrefix) {
				b.store.hook = nil
				do()
				return ambiguous(key)
			}
			return do()
		}
		must(b.snapshot(l, nil, "x=a"))
	})
}

func TestTruncateByAge(t *testing.T) {
	for name, options := range map[string][]memstore.Option{"steady": nil, "unsteady": {memstore.UnsteadyClock()}} {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				l := b.open()
				b.wantTruncated(l, Truncated{})
				b.append(l, "a")
				b.append(l, "b")
				one := must(b.snapshot(l, nil, "x=1", "y=why"))
				b.append(l, "c")
				b.Sleep(testW - time.Second)
				b.wantTruncated(l, Truncated{})
				two := must(b.snapshot(l, &one, "x=2", "y"))
				b.Sleep(time.Second)
				b.wantTruncated(l, Truncated{Snapshot: 2, Entries: 2})
				b.want(slices.Equal(b.keys(entryPrefix), []string{EntryKey(3)}), "entries %q", b.keys(entryPrefix))
				b.Sleep(testW)
				// part x of one is swept; y, which two took over, stays.
				b.wantTruncated(l, Truncated{Snapshot: 3, Entries: 1, Snapshots: 1, Parts: 1})
				b.want(slices.Equal(b.keys(snapshotPrefix), []string{SnapshotKey(3)}) && len(b.keys(partPrefix)) == len(two.Parts), "%q", b.keys(partPrefix))
				b.rawEntry(1, [32]byte{}, "late")
				b.wantTruncated(l, Truncated{Snapshot: 3, Entries: 1})
				r := &memory{}
				must(Open(b.Proc, b.store, b.c, testW).Load(ctx, r))
				b.want(r.has("x=2", "y=why"), "%q", r.parts)
				b.want(len(b.keys(scratchPrefix)) == 0, "left behind: %q", b.keys(scratchPrefix))
			}, options...)
		})
	}
}

func TestTruncateNeedsAWholeTrustedSnapshot(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		m := must(b.snapshot(l, nil, "x=1"))
		b.Sleep(testW)
		no := errors.New("my digest is another")
		_, err := l.Snapshots().Truncate(ctx, keepNone, func(Manifest) error { return no })
		b.want(err == no, "%v", err)
		b.corrupt(PartKey(m.Parts[0].Object))
		_, err = l.Snapshots().Truncate(ctx, keepNone, trustAll)
		b.want(err != nil && len(b.keys(entryPrefix)) == 1, "%v; entries %q", err, b.keys(entryPrefix))
	})
}

// TestTruncateManyEntries crosses the pages of a listing.
func TestTruncateManyEntries(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		const n = 2*listPage + 10
		for range n {
			b.append(l, "")
		}
		must(b.snapshot(l, nil))
		b.append(l, "stays")
		b.Sleep(testW)
		b.wantTruncated(l, Truncated{Snapshot: n, Entries: n})
		b.want(slices.Equal(b.keys(entryPrefix), []string{EntryKey(n + 1)}), "%q", b.keys(entryPrefix))
	})
}

// TestTruncationKeepsWhatIsNeeded: slots from the one that the caller names on stay, also those that a snapshot covers; the
// snapshots before it go all the same.
func TestTruncationKeepsWhatIsNeeded(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		for range 6 {
			b.append(l, "")
		}
		must(b.snapshot(l, nil))
		for range 4 {
			b.append(l, "")
		}
		must(b.snapshot(l, nil))
		b.Sleep(testW)
		for _, c := range []struct {
			keep base.Slot
			want Truncated
		}{
			{0, Truncated{Snapshot: 10, Kept: 10, Snapshots: 1}},
			{1, Truncated{Snapshot: 10, Kept: 10}},
			{4, Truncated{Snapshot: 10, Entries: 3, Kept: 7}},
			{3, Truncated{Snapshot: 10, Kept: 8}}, // by one who is behind
			{10, Truncated{Snapshot: 10, Entries: 6, Kept: 1}},
			{11, Truncated{Snapshot: 10, Entries: 1}},
		} {
			got := must(l.Snapshots().Truncate(ctx, c.keep, trustAll))
			b.want(got == c.want, "keeping %d: %+v, want %+v", c.keep, got, c.want)
		}
	})
}

// TestSweeperThatSlept: it listed before the snapshot that takes over an old part was there, and deletes long after. Rule
// S: such a snapshot is late, so nobody builds on it, and the fall-back covers it.
func TestSweeperThatSlept(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		one := must(b.snapshot(l, nil, "x=old"))
		b.append(l, "b")
		must(b.snapshot(l, nil, "x=new")) // by another agent; whoever has one as prior does not know of it
		b.append(l, "c")
		b.Sleep(testW / 4)
		// one, prior to two, is good to build on for W/2 after two was made.
		three := must(b.snapshot(l, &one, "x"))
		b.want(three.Parts[0] == one.Parts[0], "not taken over")
		b.append(l, "d")
		b.Sleep(testW)
		_, err := b.snapshot(l, &one, "x")
		b.want(err == ErrBase, "%v", err)
		b.truncate(l)
		_, err = b.snapshot(l, &one, "x")
		b.want(err == ErrBase, "deleted: %v", err)
		must(b.snapshot(l, &three, "x"))
	})
}

// TestSweepSparesASnapshotInTheMaking: nothing refers to its parts yet, but they are young.
func TestSweepSparesASnapshotInTheMaking(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		one := must(b.snapshot(l, nil, "old=1"))
		b.Sleep(testW)
		b.append(l, "b")
		b.store.hook = func(op, key string, do func() error) error {
			if op == "put" && strings.HasPrefix(key, snapshotPrefix) {
				b.store.hook = nil
				b.Sleep(testW / 3)
				b.wantTruncated(l, Truncated{Snapshot: 1, Entries: 1})
			}
			return do()
		}
		must(b.snapshot(l, &one, "old", "new=2"))
		r := &memory{}
		must(Open(b.Proc, b.store, b.c, testW).Load(ctx, r))
		b.want(r.has("old=1", "new=2"), "%q", r.parts)
	})
}

func TestLateSnapshot(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		one := must(b.snapshot(l, nil, "x=old"))
		b.append(l, "b")
		b.store.hook = func(op, key string, do func() error) error {
			if op == "put" && strings.HasPrefix(key, snapshotPrefix) {
				b.Sleep(testW/2 + time.Second)
			}
			return do()
		}
		late, err := b.snapshot(l, &one, "x")
		b.want(err == ErrLate, "%v", err)
		b.store.hook = nil
		_, err = b.snapshot(l, nil)
		b.want(err == ErrLate, "found again: %v", err)
		b.append(l, "c")
		_, err = b.snapshot(l, &late, "x")
		b.want(err == ErrBase, "built on a late one: %v", err)
		b.Sleep(testW)
		b.want(b.truncate(l).Snapshot == 1, "truncated for a late snapshot")
		r := &memory{}
		m := must(Open(b.Proc, b.store, b.c, testW).Load(ctx, r))
		b.want(m.Slot == 2 && r.has("x=old"), "it is good to load: %+v", m)
		must(b.snapshot(l, nil, "x=old"))
	})
}

func TestSweepStopsAtAnUnreadableManifest(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "a")
		must(b.snapshot(l, nil, "x=1"))
		b.Sleep(testW)
		b.append(l, "b")
		two := must(b.snapshot(l, nil, "x=2"))
		b.corrupt(SnapshotKey(2))
		must(b.store.Store.Put(ctx, PartKey([32]byte{1}), nil))
		b.Sleep(testW / 2)
		_, err := l.Snapshots().Truncate(ctx, keepNone, trustAll)
		b.want(err != nil && len(b.keys(partPrefix)) == 3, "%v; parts %q", err, b.keys(partPrefix))
		_, err = b.store.Store.Head(ctx, PartKey(two.Parts[0].Object))
		b.want(!objstore.Is(err, objstore.NotFound), "a part in use was deleted")
	})
}
