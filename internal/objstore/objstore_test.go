package objstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCheckKey(t *testing.T) {
	for _, good := range []string{"cluster.json", "journal/00000000000000000001", "data/ff/01ARZ3NDEKTSV4RRFFQ69G5FAV", "a-b_c.D/e", strings.Repeat("k", KeyBytesMax)} {
		if err := CheckKey(good); err != nil {
			t.Errorf("CheckKey(%q) = %v, want a good key", good, err)
		}
	}
	for _, bad := range []string{"", "/a", "a/", "a//b", ".", "..", "a/../b", ".tmp/x", "a b", "ä", "a\x00", `a\b`, strings.Repeat("k", KeyBytesMax+1)} {
		if CheckKey(bad) == nil {
			t.Errorf("CheckKey(%q) accepts a key that not every store can hold", bad)
		}
	}
}

func TestCutRange(t *testing.T) {
	for _, c := range []struct {
		size, off, n, from, to int64
		bad                    bool
	}{
		{size: 10, off: 0, n: -1, from: 0, to: 10},
		{size: 10, off: 3, n: 4, from: 3, to: 7},
		{size: 10, off: 3, n: 400, from: 3, to: 10},
		{size: 10, off: 9, n: 1 << 62, from: 9, to: 10},
		{size: 10, off: 3, n: 0, from: 3, to: 3},
		{size: 10, off: 10, n: 1, bad: true},
		{size: 10, off: -1, n: 1, bad: true},
		{size: 0, off: 0, n: 5, from: 0, to: 0},
		{size: 0, off: 1, n: 5, bad: true},
	} {
		from, to, err := CutRange(c.size, c.off, c.n)
		if from != c.from || to != c.to || (err != nil) != c.bad {
			t.Errorf("CutRange(%d, %d, %d) = %d, %d, %v; want %d, %d, refused %v", c.size, c.off, c.n, from, to, err, c.from, c.to, c.bad)
		}
	}
}

func TestKindOfSeesThroughWrapping(t *testing.T) {
	err := fmt.Errorf("reading the journal: %w", &Error{Kind: NotFound, Op: "get", Key: "k", Cause: errors.New("gone")})
	if KindOf(err) != NotFound || !Is(err, NotFound) || Is(err, Exists) {
		t.Errorf("KindOf = %v, want not found", KindOf(err))
	}
	if foreign := errors.New("foreign"); KindOf(foreign) != Other || Is(foreign, Other) {
		t.Error("a foreign error must be Other for KindOf, and of no kind for Is")
	}
}

func FuzzCutRange(f *testing.F) {
	f.Add(int64(10), int64(3), int64(4))
	f.Fuzz(func(t *testing.T, size, off, n int64) {
		if size < 0 {
			t.Skip("no object has such a size")
		}
		from, to, err := CutRange(size, off, n)
		if err != nil {
			return
		}
		if from != off || to < from || to > size || n >= 0 && to-from > n {
			t.Errorf("CutRange(%d, %d, %d) = %d, %d", size, off, n, from, to)
		}
	})
}
