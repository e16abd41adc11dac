package filestore

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

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

// Large ranges are read by whole blocks, whatever they begin and end with, and each has its own memory until it gives it back.
func TestLargeRanges(t *testing.T) {
	s := opened(t)
	_, whole := partsOf(rand.New(rand.NewPCG(3, 4)), 3<<20+1234)
	if _, err := s.Put(t.Context(), "data/1", whole); err != nil {
		t.Fatal(err)
	}
	var held []objstore.Object
	var wanted [][]byte
	for _, from := range []int{0, 1, directAlign - 1, directAlign, 100_001, len(whole) - directFrom, len(whole) - directFrom - 1, len(whole) - 5} {
		for _, n := range []int{1, readDirectFrom - 1, readDirectFrom, readDirectFrom + 1, 2 * readDirectFrom, directFrom + 1, pooledMax, pooledMax + 1, len(whole)} {
			to := min(from+n, len(whole))
			o, err := s.GetRange(t.Context(), "data/1", int64(from), int64(n))
			if err != nil || !bytes.Equal(o.Body, whole[from:to]) || cap(o.Body) > to-from {
				t.Fatalf("[%d, %d): %v, %d bytes, room for %d, the same: %t", from, to, err, len(o.Body), cap(o.Body), bytes.Equal(o.Body, whole[from:to]))
			}
			if n%2 == 0 {
				o.Release()
				continue
			}
			held, wanted = append(held, o), append(wanted, whole[from:to])
		}
	}
	for i, o := range held {
		if !bytes.Equal(o.Body, wanted[i]) {
			t.Errorf("read %d is not what it was: its memory was given to another", i)
		}
	}
}

// A read has the memory that another one gave back.
func TestReleasedMemoryIsUsedAgain(t *testing.T) {
	s := opened(t)
	if _, err := s.Put(t.Context(), "data/1", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	const reads = 50
	allocated := allocatedBy(func() {
		for range reads {
			o, err := s.GetRange(t.Context(), "data/1", 0, 500_000)
			if err != nil {
				t.Fatal(err)
			}
			o.Release()
		}
	})
	if s.notDirect.Load() {
		t.Skip("this file system does not read past the page cache")
	}
	if allocated > reads*500_000/2 { // the race detector has pools forget
		t.Errorf("%d reads of 500,000 bytes took %d bytes of new memory", reads, allocated)
	}
}

func allocatedBy(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// To release twice would give two reads the same memory.
func TestReleasedTwice(t *testing.T) {
	_, free := bufferFor(pooledMax)
	free()
	defer func() {
		if recover() == nil {
			t.Error("nobody noticed")
		}
	}()
	free()
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
	if _, _, err := s.readBody(f, directFrom+1, 1, directFrom+1); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
	if body, _, err := s.readBody(f, directFrom+1, 1, directFrom); err != nil || len(body) != directFrom-1 {
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
