package cache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// readFile counts how often it is read.
type readFile struct {
	objstore.File
	reads *atomic.Int64
}

func (f readFile) ReadAt(b []byte, off int64) (int, error) {
	f.reads.Add(1)
	return f.File.ReadAt(b, off)
}

// stripBed is a bed whose bucket is a folder, with two files of 300 extents of 600 B each, which were read before if settled is set.
func stripBed(t *testing.T, settled bool) (b *bed, files [2][]Extent, dir string, reads *atomic.Int64) {
	t.Helper()
	reads = &atomic.Int64{}
	b, dir = openedBy(t, 0, func(f objstore.File) objstore.File { return readFile{f, reads} })
	t.Cleanup(func() {
		b.cache.Stop(time.Time{})
		b.forget()
	})
	for n := range files {
		files[n] = cut(b.file(byte(n+1), 300, 600), 300, 1)
		if settled {
			b.walkAll(files[n])
		}
	}
	reads.Store(0)
	return b, files, dir, reads
}

// filled reads extents with strips, in order, and gives how many of them were what was written.
func (b *bed) filled(xs []Extent) (right int) {
	b.Helper()
	var reads []Read
	for _, x := range xs {
		reads = append(reads, Read{Extent: x, Offset: x.Base, Bytes: int(x.Len)})
	}
	s := b.cache.Strips(reads, 16<<10)
	defer s.Close()
	for i := range reads {
		if b.isRight(reads[i]) {
			right++
		}
	}
	return right
}

// isRight reports whether a read gives what was written.
func (b *bed) isRight(r Read) bool {
	v, run, err := b.cache.Next(r, true, time.Time{})
	if err != nil {
		return false
	}
	defer v.Release()
	got := make([]byte, run.Pos(run.Len()))
	return v.Fill(got, 0) == nil && bytes.Equal(got, data(1, 600))
}

// What lies side by side is read at once, of several files at a time, in whatever order: also where it goes round, is thinned out a
// little, or is looked at for the first time. What lies apart is read by itself.
func TestStrips(t *testing.T) {
	some := func(xs []Extent, each int) (out []Extent) {
		for i := 0; i < len(xs); i += each {
			out = append(out, xs[i])
		}
		return out
	}
	backwards := func(xs []Extent) []Extent {
		xs = slices.Clone(xs)
		slices.Reverse(xs)
		return xs
	}
	byTurns := func(a, b []Extent) (out []Extent) {
		for i := range a {
			out = append(out, a[i], b[i])
		}
		return out
	}
	for name, test := range map[string]struct {
		wanted func(f [2][]Extent) []Extent
		most   int64 // reads
	}{
		"a file":                {func(f [2][]Extent) []Extent { return f[0] }, 2},
		"two by turns":          {func(f [2][]Extent) []Extent { return byTurns(f[0], f[1]) }, 4},
		"it goes round":         {func(f [2][]Extent) []Extent { return slices.Concat(f[0][100:], f[0][:100]) }, 2},
		"every second":          {func(f [2][]Extent) []Extent { return some(f[0], 2) }, 2},
		"every twentieth":       {func(f [2][]Extent) []Extent { return some(f[0], 20) }, 15},
		"backwards, one by one": {func(f [2][]Extent) []Extent { return backwards(f[0]) }, 300},
	} {
		for _, settled := range []bool{true, false} {
			b, files, _, reads := stripBed(t, settled)
			xs := test.wanted(files)
			used := b.cache.Stats().UsedBytes
			if n := b.filled(xs); n != len(xs) {
				t.Errorf("%s, settled %t: %d of %d extents are what was written", name, settled, n, len(xs))
			}
			if most := test.most; settled && reads.Load() != most || !settled && reads.Load() > 2*most {
				t.Errorf("%s, settled %t: the files were read %d times, want %d", name, settled, reads.Load(), most)
			}
			if s := b.cache.Stats(); s.HeldBytes != 0 || settled && s.UsedBytes != used || b.cache.lent != 0 {
				t.Errorf("%s, settled %t: %d bytes are held, %d used, %d before, %d are lent", name, settled, s.HeldBytes, s.UsedBytes, used, b.cache.lent)
			}
		}
	}
}

// However many answers are read at a time, their strips take a bounded part of the budget; those that have none read each extent by itself.
func TestStripsAreBounded(t *testing.T) {
	b, files, _, reads := stripBed(t, true)
	var all []*Strips
	for range 100 {
		wanted := []Read{{Extent: files[0][0], Offset: files[0][0].Base, Bytes: 1}, {Extent: files[0][1], Offset: files[0][1].Base, Bytes: 1}}
		all = append(all, b.cache.Strips(wanted, 16<<10))
		for i := range wanted {
			v, _, err := b.cache.Next(wanted[i], true, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if got := make([]byte, wanted[i].Len); v.Fill(got, 0) != nil || !bytes.Equal(got, data(1, 600)) {
				t.Error("an extent is not what was written")
			}
			v.Release()
		}
	}
	strips := b.cache.lends / stripBytes
	if strips == 0 || b.cache.lends+b.cache.size != MemoryMin || b.cache.lent != strips*stripBytes || reads.Load() != strips+2*(100-strips) {
		t.Errorf("%d bytes are lent of %d, which make %d strips; %d reads", b.cache.lent, b.cache.lends, strips, reads.Load())
	}
	for _, s := range all {
		s.Close()
	}
	if b.cache.lent != 0 {
		t.Errorf("%d bytes are lent in the end", b.cache.lent)
	}
}

// A strip speaks of the file as it was opened when it was read: once another reader has found damage in it, and had it opened anew, it is
// read anew as well.
func TestStripOfAFileThatWasOpenedAnew(t *testing.T) {
	b, files, dir, _ := stripBed(t, false)
	xs, path := files[0][:10], filepath.Join(dir, segment.Key(ref(1)))
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(body []byte) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path+".new", body, 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	damaged := bytes.Clone(sound)
	damaged[xs[1].Pos+xs[1].Len-20] ^= 0xff
	replace(damaged)
	reads := []Read{}
	for _, x := range xs {
		reads = append(reads, Read{Extent: x, Offset: x.Base, Bytes: int(x.Len)})
	}
	s := b.cache.Strips(reads, 16<<10)
	defer s.Close()
	if !b.isRight(reads[0]) {
		t.Fatal("the first extent is not what was written")
	}
	replace(sound)
	if other := (Read{Extent: xs[1], Offset: xs[1].Base, Bytes: 1}); !b.isRight(other) {
		t.Fatal("another reader does not find what is right again")
	}
	if !b.isRight(reads[1]) {
		t.Error("what was damaged is served out of the strip")
	}
}

// Of a file that is cut short, what is there is read, and no more.
func TestStripOfACutFile(t *testing.T) {
	b, files, dir, _ := stripBed(t, true)
	if err := os.Truncate(filepath.Join(dir, segment.Key(ref(1))), int64(files[0][40].Pos)+7); err != nil {
		t.Fatal(err)
	}
	if n := b.filled(files[0]); n != 40 {
		t.Errorf("%d extents are what was written, 40 are there", n)
	}
}

// Damage that is in the memory of a strip alone is none: the bytes are read once more, by themselves.
func TestDamageInAStrip(t *testing.T) {
	b, files, _, _ := stripBed(t, false)
	var reads []Read
	for _, x := range files[0][:50] {
		reads = append(reads, Read{Extent: x, Offset: x.Base, Bytes: 1})
	}
	s := b.cache.Strips(reads, 16<<10)
	defer s.Close()
	for i := range reads {
		v, _, err := b.cache.Next(reads[i], true, time.Time{})
		if err != nil {
			t.Fatalf("extent %d: %v", i, err)
		}
		v.Release()
		if i == 0 {
			clear(s.strip[0].buf)
		}
	}
	if n := b.cache.Stats().Damaged; n != 1 {
		t.Errorf("%d Views were read anew, want the second", n)
	}
}
