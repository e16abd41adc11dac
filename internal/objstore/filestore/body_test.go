package filestore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"github.com/millrace-io/millrace/internal/objstore"
)

// partsOf are parts of all sorts of sizes, and what they are together: bytes in all.
func partsOf(rng *rand.Rand, size int) (parts [][]byte, whole []byte) {
	whole = make([]byte, size)
	for i := range whole {
		whole[i] = byte(rng.Uint32())
	}
	for rest := whole; len(rest) > 0; {
		n := min(len(rest), []int{0, 1, 16, 2000, 20_000, pieceBytes, 3*pieceBytes + 1}[rng.IntN(7)])
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	return parts, whole
}

// sizes are around all that decides how a body is written.
var sizes = []int{
	0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, directFrom - 1, directFrom, directFrom + 1, directFrom + directAlign - 1,
	directBytes - 1, directBytes, directBytes + 1, 2*directBytes - directAlign, 2*directBytes + directAlign, 3*directBytes + 17,
}

func TestBodiesOfAllSizes(t *testing.T) {
	for name, option := range map[string][]Option{"synced": nil, "not synced": {WithoutSync()}} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, option...)
			for _, size := range sizes {
				wantWritten(t, s, size)
			}
		})
	}
}

func opened(t *testing.T, options ...Option) *Store {
	s, err := New(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantWritten(t *testing.T, s *Store, size int) {
	t.Helper()
	parts, whole := partsOf(rand.New(rand.NewPCG(1, uint64(size))), size)
	if _, err := s.Put(t.Context(), "data/1", parts...); err != nil {
		t.Fatalf("%d bytes: %v", size, err)
	}
	object, err := s.GetRange(t.Context(), "data/1", 0, -1)
	if err != nil || !bytes.Equal(object.Body, whole) {
		t.Errorf("%d bytes: %v, %d bytes, the same: %t", size, err, len(object.Body), bytes.Equal(object.Body, whole))
	}
}

// A buffer serves one body after another: nothing of the longer one is seen at the end of the shorter.
func TestNothingOfTheBodyBefore(t *testing.T) {
	s := opened(t)
	for _, size := range []int{2*directBytes + 1, directFrom + 1, directBytes + 3} {
		wantWritten(t, s, size)
	}
}

// Large ranges are read by whole blocks, whatever they begin and end with, and each has its own memory: one that is lent until it is given back.
func TestLargeRanges(t *testing.T) {
	s := opened(t)
	_, whole := partsOf(rand.New(rand.NewPCG(3, 4)), 5<<20+1234)
	if _, err := s.Put(t.Context(), "data/1", whole); err != nil {
		t.Fatal(err)
	}
	var held []objstore.Object
	var wanted [][]byte
	reads := 0
	for _, ctx := range []context.Context{t.Context(), objstore.Lending(t.Context())} {
		for _, from := range []int{0, 1, directAlign - 1, directAlign, 100_001, len(whole) - directFrom, len(whole) - directFrom - 1, len(whole) - 5} {
			for _, n := range []int{1, readDirectFrom - 1, readDirectFrom, readDirectFrom + 1, 2 * readDirectFrom, directFrom + 1, 1 << 20,
				lentMax - directAlign, lentMax - directAlign + 1, len(whole)} {
				to := min(from+n, len(whole))
				o, err := s.GetRange(ctx, "data/1", int64(from), int64(n))
				if err != nil || !bytes.Equal(o.Body, whole[from:to]) || cap(o.Body) > to-from {
					t.Fatalf("[%d, %d): %v, %d bytes, room for %d, the same: %t", from, to, err, len(o.Body), cap(o.Body), bytes.Equal(o.Body, whole[from:to]))
				}
				if reads++; reads%2 == 0 {
					o.Release()
					continue
				}
				held, wanted = append(held, o), append(wanted, whole[from:to])
			}
		}
	}
	for i := range held {
		if !bytes.Equal(held[i].Body, wanted[i]) {
			t.Errorf("read %d is not what it was: its memory was given to another", i)
		}
		held[i].Release()
	}
	if s.reading.from != nil {
		t.Errorf("all is given back, and %d have memory", s.reading.from.lent)
	}
}

// A read has the memory that another one gave back.
func TestLentMemoryIsUsedAgain(t *testing.T) {
	s := opened(t)
	if _, err := s.Put(t.Context(), "data/1", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	const reads = 50
	places := map[*byte]bool{}
	for range reads {
		var held []objstore.Object
		for range 2 * slabBytes / (500 << 10) { // so that there is more than one slab
			o, err := s.GetRange(objstore.Lending(t.Context()), "data/1", 0, 500<<10)
			if err != nil {
				t.Fatal(err)
			}
			held, places[&o.Body[0]] = append(held, o), true
		}
		for i := range held {
			held[i].Release()
		}
	}
	if s.notDirect.Load() {
		t.Skip("this file system does not read past the page cache")
	}
	if most := reads * slabBytes / (500 << 10); len(places) > most { // of twice as many: the race detector has pools forget, and so has the collector
		t.Errorf("%d places for reads of which %d are held at a time", len(places), 2*slabBytes/(500<<10))
	}
}

// Without the promise to give it back a read has memory of the collector's.
func TestWithoutPromiseNothingIsLent(t *testing.T) {
	s := opened(t)
	if _, err := s.Put(t.Context(), "data/1", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	o, err := s.GetRange(t.Context(), "data/1", 0, 500<<10)
	if err != nil || o.Free != nil || s.reading.from != nil {
		t.Errorf("%v, lent: %t, %v", err, o.Free != nil, s.reading.from)
	}
}

// To release twice would give two reads the same memory.
func TestReleasedTwice(t *testing.T) {
	var l lender
	_, other := l.lend(directAlign)
	defer other()
	_, giveBack := l.lend(directAlign)
	giveBack()
	defer func() {
		if recover() == nil {
			t.Error("nobody noticed")
		}
	}()
	giveBack()
}

// Whatever is lent and given back in whatever order, no two have the same byte, and all of it begins and ends with a block.
func TestLentMemoryIsApart(t *testing.T) {
	type loan struct {
		bytes    []byte
		giveBack func()
		mark     byte
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var l lender
	var loans []loan
	for i := range 3000 {
		if len(loans) > 0 && rng.IntN(20) < len(loans) {
			n := rng.IntN(len(loans))
			if x := loans[n]; bytes.Count(x.bytes, []byte{x.mark}) != len(x.bytes) {
				t.Fatalf("step %d: another has written into %d bytes", i, len(x.bytes))
			}
			loans[n].giveBack()
			loans = slices.Delete(loans, n, n+1)
			continue
		}
		n := directAlign * (1 + rng.IntN(lentMax/directAlign))
		b, giveBack := l.lend(n)
		if len(b) != n || cap(b) != n || uintptr(unsafe.Pointer(&b[0]))%directAlign != 0 {
			t.Fatalf("%d bytes: got %d, room for %d, at %p", n, len(b), cap(b), b)
		}
		x := loan{b, giveBack, byte(i)}
		for k := range b {
			b[k] = x.mark
		}
		loans = append(loans, x)
	}
}

// A file that is shorter than it was is an error, and none for who asks for what there is.
func TestFileCutShort(t *testing.T) {
	s := opened(t)
	f, err := os.Create(filepath.Join(s.root, "cut"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, directFrom)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.readBody(f, directFrom+1, 1, directFrom+1, false); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
	if body, _, err := s.readBody(f, directFrom+1, 1, directFrom, true); err != nil || len(body) != directFrom-1 {
		t.Errorf("got %d bytes, %v", len(body), err)
	}
	if s.notDirect.Load() {
		t.Error("the end of a file is taken for a refusal")
	}
}

// Where the page cache cannot be gone past, the body is written from its beginning through it, and none tries again.
func TestNotDirect(t *testing.T) {
	for _, refusal := range []error{syscall.EINVAL, errors.ErrUnsupported} {
		s := opened(t)
		parts, whole := partsOf(rand.New(rand.NewPCG(1, 2)), 2*directBytes+5)
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		err = s.tryDirect(f, parts, func(f *os.File, body [][]byte) error {
			for range 2 { // more than will be written in the end
				if err := writeBuffered(f, body); err != nil {
					return err
				}
			}
			_ = setDirect(f, true)
			return &os.PathError{Op: "write", Path: f.Name(), Err: refusal}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%v: %v, %d bytes of %d, equal: %t", refusal, err, len(got), len(whole), bytes.Equal(got, whole))
		}
		if !s.notDirect.Load() {
			t.Errorf("%v: the next body would try again", refusal)
		}
		wantWritten(t, s, 2*directBytes+5)
	}
}

// A disk that is full is told of as such, and at once.
func TestDiskIsFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	body := [][]byte{make([]byte, 10), make([]byte, 3*pieceBytes)}
	if err := writeBuffered(f, body); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want %v", err, syscall.ENOSPC)
	}
	if _, err := writePieces(f, body, make([]byte, pieceBytes)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("in pieces: got %v, want %v", err, syscall.ENOSPC)
	}
}
