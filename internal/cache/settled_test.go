package cache

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/segment"
)

// cut makes extents of per batches each of one extent, whose count batches are of the same size.
func cut(x Extent, count, per int) (out []Extent) {
	size := x.Len / uint32(count)
	for n := 0; n < count; n += per {
		k := min(per, count-n)
		out = append(out, Extent{File: x.File, FileBytes: x.FileBytes, Pos: x.Pos + uint32(n)*size, Len: uint32(k) * size, Base: x.Base + 2*int64(n), Count: 2 * uint32(k)})
	}
	return out
}

func (b *bed) walkAll(xs []Extent) (batches int) {
	b.Helper()
	for _, x := range xs {
		batches += b.walk(x, x.Base, mib)
	}
	return batches
}

// What is known of short extents takes little and no pointers, is counted, and is still known when they are read again. What is
// known of longer ones stays as it was.
func TestShortExtentsSettle(t *testing.T) {
	for _, test := range []struct {
		per     int
		settled bool
		each    int64 // bytes
	}{{1, true, settledBytes}, {2, true, settledBytes}, {3, false, indexBytes + 3*markBytes}} {
		b, _, _ := folder(t, 77*mib)
		xs := cut(b.file(1, 600, small), 600, test.per)
		if n := b.walkAll(xs); n != 600 {
			t.Fatalf("%d batches of 600", n)
		}
		f, s := b.cache.files[ref(1)], b.cache.Stats()
		if settled := len(f.settled) == len(xs) && len(f.indexes) == 0; settled != test.settled {
			t.Errorf("%d batches an extent: %d of %d extents are settled, %d are not", test.per, len(f.settled), len(xs), len(f.indexes))
		}
		if want := b.cache.openCost() + int64(len(xs))*test.each; s.UsedBytes != want || s.HeldBytes != 0 {
			t.Errorf("%d batches an extent: %d bytes are counted, %d as held; want %d and none", test.per, s.UsedBytes, s.HeldBytes, want)
		}
		if n := b.walkAll(xs); n != 600 || b.cache.Stats().Checked != s.Checked || b.cache.Stats().UsedBytes != s.UsedBytes {
			t.Errorf("%d batches an extent: when read again %d of 600 batches, %d checked, %d bytes", test.per, n, b.cache.Stats().Checked-s.Checked, b.cache.Stats().UsedBytes)
		}
	}
}

// What is counted is what it takes, as far as a map lets one tell.
func TestMemoryOfSettledExtents(t *testing.T) {
	const extents = 20_000
	b, _, _ := folder(t, 77*mib)
	xs := cut(b.file(1, extents, 100), extents, 1)
	b.walkAll(xs[:1])
	before, used := heap(), b.cache.Stats().UsedBytes
	b.walkAll(xs)
	took, counted := heap()-before, b.cache.Stats().UsedBytes-used
	if took < extents*40 || counted*5 < took*4 {
		t.Errorf("%d extents take %d bytes, %d each; %d are counted", extents, took, took/extents, counted)
	}
	runtime.KeepAlive(b.cache)
	runtime.KeepAlive(xs)
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // pools keep what they have for one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// From within a settled extent a reader gets the batch that it asked for.
func TestSettledExtentIsReadFromItsMiddle(t *testing.T) {
	b, _, _ := folder(t, 77*mib)
	x := b.file(1, 2, small)
	for range 2 {
		for offset, want := range map[int64]int{100: 2, 101: 2, 102: 1, 103: 1} {
			v, run, err := b.cache.Next(Read{Extent: x, Offset: offset, Bytes: mib}, true, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if run.Len() != want || run.End() != 104 || run.Offset(0) != 104-2*int64(want) || run.AsIs(0) != 0 {
				t.Errorf("from offset %d: %d batches from %d to %d, %d as they lie", offset, run.Len(), run.Offset(0), run.End(), run.AsIs(0))
			}
			v.Release()
		}
	}
}

// The last extent of a log grows: what was known of the shorter one does not hide what came.
func TestSettledExtentGrows(t *testing.T) {
	b, _, _ := folder(t, 77*mib)
	long := b.file(1, 4, small)
	const listed = settledBytes + indexBytes + 4*markBytes // the short form of what it was stays
	for _, test := range []struct {
		batches, checked int
		used             int64
	}{{1, 1, settledBytes}, {2, 1, settledBytes}, {1, 1, settledBytes}, {2, 1, settledBytes}, {4, 2, listed}, {3, 0, listed}, {2, 0, listed}} {
		x, before := cut(long, 4, test.batches)[0], b.cache.Stats().Checked
		if n := b.walk(x, x.Base, mib); n != test.batches {
			t.Errorf("an extent of %d batches shows %d", test.batches, n)
		}
		if n := b.cache.Stats().Checked - before; n != int64(test.checked) {
			t.Errorf("an extent of %d batches: %d were checked, want %d", test.batches, n, test.checked)
		}
		if n := b.cache.Stats().UsedBytes - b.cache.openCost(); n != test.used {
			t.Errorf("an extent of %d batches: %d bytes are counted beside the file, want %d", test.batches, n, test.used)
		}
	}
	b.forget()
	if s := b.cache.Stats(); s.UsedBytes != 0 || s.HeldBytes != 0 {
		t.Errorf("in the end %d bytes are counted, %d as held", s.UsedBytes, s.HeldBytes)
	}
}

// What was settled is forgotten with its file's bytes, so that a file that has rotted since is looked at again.
func TestSettledIsForgottenWithItsFile(t *testing.T) {
	b, dir, _ := folder(t, 77*mib)
	x := b.file(1, 1, small)
	b.walk(x, x.Base, mib)
	path := filepath.Join(dir, segment.Key(ref(1)))
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-1] ^= 1
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	b.forget()
	if v, _, err := b.cache.Next(Read{Extent: x, Offset: 100, Bytes: mib}, true, time.Time{}); err == nil {
		v.Release()
		t.Error("a damaged batch is served")
	}
}
