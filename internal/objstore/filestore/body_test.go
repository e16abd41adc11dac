package filestore

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
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
			if err != nil || !bytes.Equal(o.Body, whole[from:to]) {
				t.Fatalf("[%d, %d): %v, %d bytes, the same: %t", from, to, err, len(o.Body), bytes.Equal(o.Body, whole[from:to]))
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
	if _, _, err := s.readBody(f, directFrom+1, 0, directFrom+1); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
	if body, _, err := s.readBody(f, directFrom+1, 0, directFrom); err != nil || len(body) != directFrom {
		t.Errorf("got %d bytes, %v", len(body), err)
	}
}

// Where the page cache cannot be gone past, the body is written from its beginning through it, and none tries again.
func TestNotDirect(t *testing.T) {
	s := opened(t)
	parts, whole := partsOf(rand.New(rand.NewPCG(1, 2)), 2*directBytes+5)
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	refused := func(f *os.File, body [][]byte) error {
		if err := writeBuffered(f, body[:len(body)/2]); err != nil {
			return err
		}
		return &os.PathError{Op: "write", Path: f.Name(), Err: syscall.EINVAL}
	}
	if err := s.tryDirect(f, parts, refused); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%v, %d bytes of %d, equal: %t", err, len(got), len(whole), bytes.Equal(got, whole))
	}
	if !s.notDirect.Load() {
		t.Error("the next body would try again")
	}
	wantWritten(t, s, 2*directBytes+5)
}

// A disk that is full is told of as such, and at once.
func TestDiskIsFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if err := writeBuffered(f, [][]byte{make([]byte, 10), make([]byte, 3*pieceBytes)}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want %v", err, syscall.ENOSPC)
	}
}
