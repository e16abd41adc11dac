package conformance

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/millrace-io/millrace/internal/objstore"
)

func testRanges(t *suite) {
	t.create("k", "0123456789")
	for _, c := range []struct {
		off, n int64
		want   string
	}{
		{0, -1, "0123456789"},
		{0, 10, "0123456789"},
		{0, 1, "0"},
		{3, 4, "3456"},
		{3, -1, "3456789"},
		{9, 1, "9"},
		{8, 100, "89"},
		{8, math.MaxInt64, "89"},
		{0, 0, ""},
		{4, 0, ""},
	} {
		o, err := t.s.GetRange(t.ctx, "k", c.off, c.n)
		if err != nil {
			t.Errorf("GetRange(%d, %d): %v", c.off, c.n, err)
			continue
		}
		if string(o.Body) != c.want || o.SizeBytes != 10 || o.Date.IsZero() {
			t.Errorf("GetRange(%d, %d) = %q of %d bytes, Date %v; want %q of 10, and a Date", c.off, c.n, o.Body, o.SizeBytes, o.Date, c.want)
		}
	}
	for _, off := range []int64{10, 11, 1 << 40, -1} {
		for _, n := range []int64{-1, 0, 1} {
			_, err := t.s.GetRange(t.ctx, "k", off, n)
			if !objstore.Is(err, objstore.InvalidRange) {
				t.Errorf("GetRange(%d, %d) = %v, want kind %q", off, n, err, objstore.InvalidRange)
			}
		}
	}
	t.create("empty", "")
	for _, n := range []int64{-1, 0, 1} {
		if o, err := t.s.GetRange(t.ctx, "empty", 0, n); err != nil || len(o.Body) != 0 {
			t.Errorf("GetRange(0, %d) of an empty object = %q, %v; want nothing", n, o.Body, err)
		}
	}
}

func testMissing(t *suite) {
	t.create("dir/k", "x")
	// "dir" is only the beginning of a key, "dir/k/below" lies below an object: neither is there.
	for _, key := range []string{"missing", "dir", "dir/missing", "dir/k/below", "no/such/place"} {
		_, err := t.s.GetRange(t.ctx, key, 0, -1)
		t.wantKind(err, objstore.NotFound)
		_, err = t.s.GetRange(t.ctx, key, 100, 10)
		t.wantKind(err, objstore.NotFound)
		_, err = t.s.Head(t.ctx, key)
		t.wantKind(err, objstore.NotFound)
	}
}

func testMeta(t *suite) {
	if meta := t.create("k", "12345"); meta.SizeBytes != 5 || !closeTo(meta.Date) {
		t.Errorf("PutIfAbsent = %+v, want 5 bytes, dated now", meta)
	}
	head, err := t.s.Head(t.ctx, "k")
	if err != nil || head.SizeBytes != 5 || !closeTo(head.Date) || !closeTo(head.LastModified) {
		t.Errorf("Head = %+v, %v; want 5 bytes, dated and modified now", head, err)
	}
	o, err := t.s.GetRange(t.ctx, "k", 1, 2)
	if err != nil || o.SizeBytes != 5 || !closeTo(o.Date) || !closeTo(o.LastModified) {
		t.Errorf("GetRange = %+v, %v; want 5 bytes in all, dated and modified now", o.Meta, err)
	}
	page, err := t.s.List(t.ctx, "k", "", 1)
	if err != nil || len(page.Entries) != 1 || page.Entries[0].SizeBytes != 5 || !closeTo(page.Entries[0].LastModified) || !closeTo(page.Date) {
		t.Errorf("List = %+v, %v; want one entry of 5 bytes, dated and modified now", page, err)
	}
}

func testBadKeys(t *suite) {
	for _, key := range []string{"", "/abs", "dir/", "a//b", ".", "../up", "a/../../b", ".tmp/x", "sp ace", "nul\x00", strings.Repeat("x", objstore.KeyBytesMax+1)} {
		_, putErr := t.s.Put(t.ctx, key, nil)
		_, createErr := t.s.PutIfAbsent(t.ctx, key, nil)
		_, getErr := t.s.GetRange(t.ctx, key, 0, -1)
		_, headErr := t.s.Head(t.ctx, key)
		for _, err := range []error{putErr, createErr, getErr, headErr, t.s.Delete(t.ctx, key)} {
			if !objstore.Is(err, objstore.Fatal) {
				t.Errorf("key %q: error %v, want kind %q", key, err, objstore.Fatal)
			}
		}
	}
	if keys, _ := t.list("", "", 10); len(keys) != 0 {
		t.Errorf("listing = %v, want nothing", keys)
	}
	if _, err := t.s.List(t.ctx, "bad prefix", "", 10); !objstore.Is(err, objstore.Fatal) {
		t.Errorf("List of a prefix that no key has = %v, want kind %q", err, objstore.Fatal)
	}
	for _, prefix := range []string{"..", "../", "/", "a//", ".tmp/"} {
		if keys, _ := t.list(prefix, "", 10); len(keys) != 0 {
			t.Errorf("listing of %q = %v, want nothing", prefix, keys)
		}
	}
}

func testDeepKeys(t *suite) {
	deep := strings.Repeat("level/", 20) + "leaf"
	for _, key := range []string{deep, "A-b_c.D/e..f/--/_", "data/ff/01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		t.create(key, "at "+key)
	}
	t.wantBody(deep, "at "+deep)
	if keys, _ := t.list("level/level/", "", 10); !slices.Equal(keys, []string{deep}) {
		t.Errorf("listing = %v, want %v", keys, []string{deep})
	}
}

// listed is in byte order, chosen so that a walk through directories by name would go wrong: '-' and '.' sort before
// '/', '0' after it.
var listed = []string{"a-b", "a.b", "a/b", "a/b-/x", "a/b.c", "a/c/1", "a/c/2", "a/d", "a0", "ab/c", "b"}

func testListEdges(t *suite) {
	for i := range listed {
		t.create(listed[(i*7)%len(listed)], "x")
	}
	for _, c := range []struct {
		prefix, startAfter string
		want               []string
	}{
		{"", "", listed},
		{"a", "", listed[:10]},
		{"a/", "", listed[2:8]},
		{"a/b", "", listed[2:5]},
		{"a/b.", "", []string{"a/b.c"}},
		{"a/c/", "", []string{"a/c/1", "a/c/2"}},
		{"a/c", "", []string{"a/c/1", "a/c/2"}},
		{"a/c/1", "", []string{"a/c/1"}},
		{"a/c/1/", "", nil},
		{"b/", "", nil},
		{"zzz", "", nil},
		{"none/such/", "", nil},
		{"", "a/c/1", listed[6:]},
		{"", "a/c", listed[5:]},
		{"", "a/c/", listed[5:]},
		{"", "a/c/11", listed[6:]},
		{"", "a/c0", listed[7:]},
		{"", "b", nil},
		{"", "zzz", nil},
		{"a/", "a/b", listed[3:8]},
		{"a/", "a", listed[2:8]},
		{"a/", "a/c/2", []string{"a/d"}},
		{"a/", "a/d", nil},
		{"a/", "b", nil},
		{"b", "a", []string{"b"}},
	} {
		for _, limit := range []int{1, 2, 1000} {
			if keys, _ := t.list(c.prefix, c.startAfter, limit); !slices.Equal(keys, c.want) {
				t.Errorf("listing of %q after %q by %d = %v, want %v", c.prefix, c.startAfter, limit, keys, c.want)
			}
		}
	}
}

func testListPages(t *suite) {
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("journal/%020d", i))
		t.create(want[i], "x")
	}
	t.create("journal0", "not below journal/")
	for limit, wantPages := range map[int]int{1: 25, 7: 4, 24: 2, 25: 1, 1000: 1} {
		keys, pages := t.list("journal/", "", limit)
		if !slices.Equal(keys, want) || pages != wantPages {
			t.Errorf("listing by %d = %d pages, %v; want %d pages of all 25 keys", limit, pages, keys, wantPages)
		}
	}
	// A limit out of bounds is brought into them.
	for limit, wantKeys := range map[int]int{-5: 1, 0: 1, 5000: 25} {
		page, err := t.s.List(t.ctx, "journal/", "", limit)
		if err != nil || len(page.Entries) != wantKeys {
			t.Errorf("List with limit %d = %d keys, %v; want %d", limit, len(page.Entries), err, wantKeys)
		}
	}
}

func testListSeesAtOnce(t *suite) {
	for i := range 20 {
		key := fmt.Sprintf("j/%02d", i)
		t.create(key, "x")
		if keys, _ := t.list("j/", "", 100); len(keys) != 1 || keys[0] != key {
			t.Fatalf("after the creation of %q the listing is %v", key, keys)
		}
		if err := t.s.Delete(t.ctx, key); err != nil {
			t.Fatal(err)
		}
		if keys, _ := t.list("j/", "", 100); len(keys) != 0 {
			t.Fatalf("after the deletion of %q the listing is %v", key, keys)
		}
	}
}

func testInfo(t *suite) {
	if url := t.s.Info().URL; !strings.Contains(url, "://") {
		t.Errorf("Info().URL = %q, want a bucket URL", url)
	}
}
