package filestore

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// pieced are parts of all sorts of sizes, and what they are together.
func pieced(rng *rand.Rand, n int) (parts [][]byte, whole []byte) {
	for range n {
		part := make([]byte, []int{0, 1, 16, copyBelow - 1, copyBelow, 20_000, pieceBytes, 3*pieceBytes + 1}[rng.IntN(8)])
		for i := range part {
			part[i] = byte(rng.Uint32())
		}
		parts, whole = append(parts, part), append(whole, part...)
	}
	return parts, whole
}

func TestWriteAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		parts, whole := pieced(rng, n)
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeAll(f, parts); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%v, %d bytes of %d, equal: %t", err, len(got), len(whole), bytes.Equal(got, whole))
		}
		_ = f.Close()
	}
}

// What the system took is cut off, wherever that ends; what is left begins right behind it.
func TestCut(t *testing.T) {
	parts := func() [][]byte { return [][]byte{[]byte("abc"), []byte("d"), []byte("efgh")} }
	for n := range len("abcdefgh") + 1 {
		if got := string(slices.Concat(cut(parts(), n)...)); got != "abcdefgh"[n:] {
			t.Errorf("without the first %d: %q", n, got)
		}
	}
}

// A disk that is full is told of as such, and at once.
func TestDiskIsFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if err := writeAll(f, [][]byte{make([]byte, 10), make([]byte, 3*pieceBytes)}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want %v", err, syscall.ENOSPC)
	}
}
