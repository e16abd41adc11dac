package log

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace-io/millrace/internal/base/codec"
)

// anyExtents draws extents side by side, some with fields at their bounds.
func anyExtents(t *rapid.T) (es []Extent) {
	files := rapid.OneOf(rapid.Uint64Range(1, 300), rapid.SampledFrom([]uint64{0, 1 << 40, math.MaxUint64}))
	times := rapid.OneOf(rapid.Int64Range(1_700_000_000_000, 1_700_000_100_000), rapid.SampledFrom([]int64{math.MinInt64, -1, 0, math.MaxInt64}))
	sizes := rapid.OneOf(rapid.Uint32Range(1, 20_000), rapid.Uint32Range(SmallBytes, SmallBytes+9), rapid.SampledFrom([]uint32{1, 127, 128, math.MaxUint32}))
	at := rapid.SampledFrom([]int64{0, 5, 1 << 40}).Draw(t, "first")
	for range rapid.IntRange(0, 5*ChunkExtents).Draw(t, "extents") {
		e := Extent{Base: at, File: files.Draw(t, "file"), MaxTimestamp: times.Draw(t, "time"), Pos: sizes.Draw(t, "pos"), Len: sizes.Draw(t, "len"), Count: sizes.Draw(t, "count")}
		es = append(es, e)
		at = e.End()
	}
	return es
}

// TestExtentsAreAList holds a list of extents, packed, trimmed and walked, against a slice.
func TestExtentsAreAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x Extents
		var want []Extent
		for _, e := range anyExtents(t) {
			if n := len(want); n > 0 && want[n-1].takes(e) {
				want[n-1].grow(e)
			} else {
				want = append(want, e)
			}
			x.append(e)
		}
		for range 3 {
			checkList(t, &x, want)
			if len(want) == 0 {
				return
			}
			cut := rapid.IntRange(0, len(want)).Draw(t, "cut")
			start := want[len(want)-1].End()
			if cut < len(want) {
				start = want[cut].Base + int64(rapid.Uint32Range(0, want[cut].Count-1).Draw(t, "into"))
			}
			var released []Extent
			x.trim(start, func(e Extent) { released = append(released, e) })
			if !slices.Equal(released, want[:cut]) {
				t.Fatalf("a cut at %d releases %d extents, want the first %d", start, len(released), cut)
			}
			want = want[cut:]
			want = mergeSome(t, &x, want)
		}
	})
}

// mergeSome replaces a few stretches of the list, on a copy of x that the old one must not notice.
func mergeSome(t *rapid.T, x *Extents, want []Extent) []Extent {
	for range rapid.IntRange(0, 3).Draw(t, "merges") {
		if len(want) < 2 {
			return want
		}
		old, before := *x, slices.Clone(want)
		at := rapid.IntRange(0, len(want)-2).Draw(t, "at")
		n := rapid.IntRange(2, len(want)-at).Draw(t, "extents")
		sum, ok := x.Sum(Stretch{want[at].Base, uint32(n)})
		length, count := uint64(0), uint64(0)
		for _, e := range want[at : at+n] {
			length, count = length+uint64(e.Len), count+uint64(e.Count)
		}
		if fits := length <= math.MaxUint32 && count <= math.MaxUint32; ok != fits {
			t.Fatalf("a stretch of %d bytes and %d offsets fits one extent: %t", length, count, ok)
		}
		if !ok {
			continue
		}
		whole := sum.Whole
		whole.File, whole.Pos = 7, 8
		var released []Extent
		x.replace([]replacement{{whole, n}}, func(e Extent) { released = append(released, e) })
		if !slices.Equal(released, want[at:at+n]) {
			t.Fatalf("a merge of %d extents releases %d others", n, len(released))
		}
		top := slices.MaxFunc(want[at:at+n], func(a, b Extent) int { return cmp.Compare(a.MaxTimestamp, b.MaxTimestamp) })
		want = slices.Replace(slices.Clone(want), at, at+n, Extent{want[at].Base, 7, top.MaxTimestamp, 8, uint32(length), uint32(count)})
		checkList(t, &old, before)
		checkList(t, x, want)
	}
	return want
}

// checkPast holds what Past passes over against the chunks, one by one.
func checkPast(t *rapid.T, x *Extents) {
	few, offset := rapid.IntRange(1, ChunkExtents+1).Draw(t, "few"), rapid.Int64Range(0, 1<<16).Draw(t, "past")
	want := offset
	for _, c := range x.full {
		if c.end <= offset {
			continue
		}
		small, last := 0, false
		for _, e := range decodeExtents(&codec.Reader{B: c.packed}) {
			if last = e.Len < SmallBytes; last {
				small++
			}
		}
		if small >= few || last {
			break
		}
		want = c.end
	}
	if got := x.Past(offset, few); got != want {
		t.Fatalf("past chunks with fewer than %d small extents from offset %d on: %d, want %d", few, offset, got, want)
	}
}

func checkList(t *rapid.T, x *Extents, want []Extent) {
	t.Helper()
	bytes, best := int64(0), Extent{}
	for i, e := range want {
		bytes += int64(e.Len)
		if i == 0 || e.MaxTimestamp > best.MaxTimestamp {
			best = e
		}
	}
	if got, ok := x.MaxTimestamp(); ok != (len(want) > 0) || got != best {
		t.Fatalf("the highest timestamp is that of %+v, want %+v", got, best)
	}
	if x.Len() != len(want) || x.Bytes() != bytes {
		t.Fatalf("%d extents of %d bytes, want %d of %d", x.Len(), x.Bytes(), len(want), bytes)
	}
	if err := x.check(); err != nil {
		t.Fatal(err)
	}
	checkPast(t, x)
	from := rapid.Int64Range(-1, 1<<20).Draw(t, "from")
	if len(want) > 0 && rapid.Bool().Draw(t, "at an extent") {
		e := rapid.SampledFrom(want).Draw(t, "which")
		from = rapid.SampledFrom([]int64{e.Base, e.Base - 1, e.End() - 1, e.End()}).Draw(t, "where")
	}
	var got []Extent
	x.From(from, func(e Extent) bool {
		got = append(got, e)
		return true
	})
	i, _ := slices.BinarySearchFunc(want, from, func(e Extent, from int64) int {
		if e.End() <= from {
			return -1
		}
		return 1
	})
	if !slices.Equal(got, want[i:]) {
		t.Fatalf("from offset %d: %d extents, want the last %d of %d", from, len(got), len(want)-i, len(want))
	}
	w := x.Walk(from)
	for range got {
		w.Next()
	}
	for range 2 {
		if e, ok := w.Next(); ok {
			t.Fatalf("from offset %d: after the last extent comes %+v", from, e)
		}
	}
	if len(got) > 1 {
		stop, n := rapid.IntRange(1, len(got)-1).Draw(t, "stop"), 0
		x.From(from, func(Extent) bool {
			n++
			return n < stop
		})
		if n != stop {
			t.Fatalf("stopped at extent %d, got %d", stop, n)
		}
	}
	at := best.MaxTimestamp - rapid.Int64Range(0, 1).Draw(t, "earlier")
	j := slices.IndexFunc(want, func(e Extent) bool { return e.MaxTimestamp >= at && e.End() > from })
	if e, ok := x.AtTime(at, from); ok != (j >= 0) || ok && e != want[j] {
		t.Fatalf("at time %d from offset %d: %+v, want extent %d", at, from, e, j)
	}
}
