package cache

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
)

// told is what files were told, in order, and whether it was too late.
type told struct {
	regions []stretch
	read    []int64 // where files were read
	late    int
}

// listeningFile notes what it is told.
type listeningFile struct {
	objstore.File
	*told
}

func (f listeningFile) ReadAt(b []byte, off int64) (int, error) {
	f.read = append(f.read, off)
	return f.File.ReadAt(b, off)
}

func (f listeningFile) Expect(from, to int64) {
	f.regions = append(f.regions, stretch{from, to})
	for _, at := range f.read {
		if from <= at && at < to {
			f.late++
		}
	}
}

func expectBed(t *testing.T) (b *bed, files *told) {
	files = &told{}
	b, _ = openedBy(t, 0, func(f objstore.File) objstore.File { return listeningFile{f, files} })
	t.Cleanup(func() {
		b.cache.Stop(time.Time{})
		b.forget()
	})
	return b, files
}

func readsOf(xs ...Extent) (reads []Read) {
	for _, x := range xs {
		reads = append(reads, Read{Extent: x, Offset: x.Base, Bytes: int(x.Len)})
	}
	return reads
}

// look looks at what reads want, in order, as an answer does, and gives the end of the last.
func (b *bed) look(reads []Read) (end int64) {
	b.Helper()
	s := b.cache.Strips(reads, 16<<10)
	defer s.Close()
	for i := range reads {
		if reads[i].Len == 0 {
			continue
		}
		v, run, err := b.cache.Next(reads[i], true, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		end = run.End()
		v.Release()
	}
	return end
}

// A file is told what an answer wants of it before any of that is read: with what lies between if that is not much, once, and whatever the
// order is in which it is looked at. Of what is short, of what is wanted here and there, and of what was looked at before it is told nothing.
func TestFilesAreToldWhatIsWanted(t *testing.T) {
	const batches, size = 256, 32 << 10 // a byte less each
	each := func(n int) (wanted []int) {
		for i := 0; i < batches; i += n {
			wanted = append(wanted, i)
		}
		return wanted
	}
	of := func(from, to int) (wanted []int) {
		for i := from; i < to; i++ {
			wanted = append(wanted, i)
		}
		return wanted
	}
	shuffled := of(0, 100)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	type regions []struct{ from, to int } // of batches
	for _, test := range []struct {
		name   string
		wanted []int // batches, each an extent of its own
		want   regions
	}{
		{"all, 4 MiB at a time", of(0, batches), regions{{0, 128}, {128, 256}}},
		{"every second", each(2), regions{{0, 127}, {128, 255}}},
		{"every fourth", each(4), regions{{0, 125}, {128, 253}}},
		{"every tenth", each(10), nil},
		{"some", of(10, 20), regions{{10, 20}}},
		{"what one request brings", of(10, 14), nil},
		{"a little more than that", of(10, 15), regions{{10, 15}}},
		{"half a MiB between", slices.Concat(of(0, 10), of(26, 36)), regions{{0, 36}}},
		{"more between", slices.Concat(of(0, 10), of(27, 37)), regions{{0, 10}, {27, 37}}},
		{"much between for little", slices.Concat(of(0, 2), of(8, 9)), regions{{0, 9}}},
		{"too much between for little", slices.Concat(of(0, 2), of(12, 13)), nil},
		{"the order goes round", slices.Concat(of(60, 120), of(0, 60)), regions{{0, 120}}},
		{"it goes round elsewhere", slices.Concat(of(200, 220), of(100, 120)), regions{{200, 220}, {100, 120}}},
		{"any order", shuffled, regions{{0, 100}}},
	} {
		b, files := expectBed(t)
		all := cut(b.file(1, batches, size), batches, 1)
		var wanted []Extent
		for _, i := range test.wanted {
			wanted = append(wanted, all[i])
		}
		b.look(readsOf(wanted...))
		var want []stretch
		for _, r := range test.want {
			want = append(want, stretch{int64(all[r.from].Pos), int64(all[r.to-1].Pos + all[r.to-1].Len)})
		}
		if !slices.Equal(files.regions, want) || files.late > 0 {
			t.Errorf("%s: told %v, %d times too late; want %v", test.name, files.regions, files.late, want)
		}
		files.regions = nil
		if b.look(readsOf(wanted...)); len(files.regions) > 0 {
			t.Errorf("%s: told %v when all was known", test.name, files.regions)
		}
	}
}

// Several files are told less each: an answer comes to all of them before it goes on in one. Short extents are wanted as long ones are; what was left out of an
// answer, and what rides, is not.
func TestManyFilesAreToldLessEach(t *testing.T) {
	const count, size, n = 8, 600, 5000
	b, files := expectBed(t)
	var reads []Read
	var each int64 // bytes
	for i := range byte(count) {
		x := b.file(i+1, n, size)
		each = int64(x.Len)
		reads = append(reads, readsOf(cut(x, n, 1)...)...)
		reads = append(reads, Read{}, Read{Extent: b.ride(5, 100+i, 1, 200), Offset: 100, Bytes: 1})
	}
	most := b.cache.size / count
	planned := expecting{reads: reads}
	planned.plan(b.cache)
	told := map[int32]int64{}
	for _, r := range planned.regions {
		if told[r.file] += r.to - r.from; r.to-r.from > most || r.wanted != r.to-r.from {
			t.Errorf("a region of %d bytes, of which %d are wanted; the most is %d", r.to-r.from, r.wanted, most)
		}
	}
	if regions := count * int((each+most-1)/most); len(planned.regions) != regions {
		t.Errorf("%d regions of at most %d bytes, want %d for %d files of %d", len(planned.regions), most, regions, count, each)
	}
	for file, bytes := range told {
		if bytes != each {
			t.Errorf("of file %d %d bytes are told, %d are wanted", file, bytes, each)
		}
	}
	if b.look(reads[:n]); len(told) != count || len(files.regions) != 1 || files.late > 0 {
		t.Errorf("%d files are told of; one that was read %v, %d times too late", len(told), files.regions, files.late)
	}
}

// Of a long extent a file is told what will be looked at of it: from where readers before have come to, as far as this one goes, and not too far.
func TestFilesAreToldOfAPartOfAnExtent(t *testing.T) {
	const batches, size, much = 256, 32 << 10, 1 << 20
	b, files := expectBed(t)
	x := b.file(1, batches, size)
	offset := x.Base
	for n := range 3 {
		from := int64(x.Pos) + (offset-x.Base)/2*int64(x.Len/batches)
		*files = told{}
		offset = b.look([]Read{{Extent: x, Offset: offset, Bytes: much}})
		if want := []stretch{{from, from + much}}; !slices.Equal(files.regions, want) || files.late > 0 {
			t.Errorf("part %d: told %v, %d times too late; want %v", n, files.regions, files.late, want)
		}
	}
	*files = told{}
	from := int64(x.Pos) + (offset-x.Base)/2*int64(x.Len/batches)
	b.look([]Read{{Extent: x, Offset: offset, Bytes: int(x.Len)}})
	if want := []stretch{{from, from + expectMost}}; len(files.regions) == 0 || !slices.Equal(files.regions, want) {
		t.Errorf("of all the rest told %v, want %v", files.regions, want)
	}
}
