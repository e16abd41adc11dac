package cache

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
)

// expecting is an Opener whose files note what is expected of them, in bytes of the file.
type expecting struct {
	objstore.Opener
	noted *[]stretch
}

type expectingFile struct {
	objstore.File
	noted *[]stretch
}

func (e expecting) Open(ctx context.Context, key string) (objstore.File, objstore.Meta, error) {
	f, meta, err := e.Opener.Open(ctx, key)
	if err != nil {
		return nil, meta, err
	}
	return expectingFile{f, e.noted}, meta, nil
}

func (f expectingFile) Expect(from, to int64) {
	*f.noted = append(*f.noted, stretch{from: from, to: to})
}

// A file is told of what an answer wants of it before any of that is looked at: of stretches of some MiB, with what lies between if enough of it
// is wanted. Nothing is told of what is short, of what is wanted here and there, and of what was looked at before.
func TestFilesAreToldWhatIsWanted(t *testing.T) {
	const batches, size = 256, 32 << 10
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
	type told []struct{ from, to int } // batches; to be cut after expectMost
	for _, test := range []struct {
		name   string
		wanted []int // batches, each an extent of its own
		want   told
	}{
		{"all", of(0, batches), told{{0, 256}, {128, 256}}},
		{"every second", each(2), told{{0, 129}, {130, 255}}},
		{"a few", of(10, 20), told{{10, 20}}},
		{"it goes round", slices.Concat(of(200, 220), of(100, 120)), told{{200, 220}, {100, 120}}},
		{"two rows with a little between", slices.Concat(of(0, 10), of(30, 40)), told{{0, 40}}},
		{"two rows far apart", slices.Concat(of(0, 10), of(90, 100)), told{{0, 10}, {90, 100}}},
		{"what one read brings", of(10, 13), nil},
		{"every twentieth", each(20), nil},
	} {
		b, noted := expectBed(t)
		all := cut(b.file(1, batches, size), batches, 1)
		var reads []Read
		for _, i := range test.wanted {
			reads = append(reads, Read{Extent: all[i], Offset: all[i].Base, Bytes: int(all[i].Len)})
		}
		b.look(reads)
		var want []stretch
		for _, s := range test.want {
			from, to := int64(all[s.from].Pos), int64(all[s.to-1].Pos+all[s.to-1].Len)
			want = append(want, stretch{from: from, to: min(to, from+expectMost)})
		}
		// A stretch that was cut goes on where it ends, in the middle of a batch.
		for i := 1; i < len(want); i++ {
			if end := want[i-1].to; end == want[i-1].from+expectMost {
				want[i].from = (*noted)[i].from
				if from := want[i].from; from < end-size || from > end+2*size {
					t.Errorf("%s: the second stretch begins at %d, the first ends at %d", test.name, from, end)
				}
			}
		}
		if !slices.Equal(*noted, want) {
			t.Errorf("%s: told %v, want %v", test.name, *noted, want)
		}
		*noted = nil
		if b.look(reads); len(*noted) > 0 {
			t.Errorf("%s: told %v when all was known", test.name, *noted)
		}
	}
}

// Of a long extent a file is told what will be looked at of it: from where readers before have come to, as far as this one goes.
func TestFilesAreToldOfAPartOfAnExtent(t *testing.T) {
	const batches, size, much = 256, 32 << 10, 1 << 20
	b, noted := expectBed(t)
	x := b.file(1, batches, size)
	offset := x.Base
	for n := range 3 {
		from, r := int64(x.Pos)+int64(offset-x.Base)/2*int64(x.Len/batches), Read{Extent: x, Offset: offset, Bytes: much}
		*noted = nil
		offset = b.look([]Read{r})
		if want := []stretch{{from: from, to: from + much}}; !slices.Equal(*noted, want) {
			t.Errorf("part %d: told %v, want %v", n, *noted, want)
		}
	}
}

func expectBed(t *testing.T) (b *bed, noted *[]stretch) {
	noted = new([]stretch)
	b, _ = openedBy(t, 0, func(o objstore.Opener) objstore.Opener { return expecting{o, noted} })
	t.Cleanup(func() {
		b.cache.Stop(time.Time{})
		b.forget()
	})
	return b, noted
}

// look looks at what reads want, in order, as an answer does, and gives the end of the last.
func (b *bed) look(reads []Read) (end int64) {
	b.Helper()
	s := b.cache.Strips(reads, 16<<10)
	defer s.Close()
	for i := range reads {
		v, run, err := b.cache.Next(reads[i], true, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		end = run.End()
		v.Release()
	}
	return end
}
