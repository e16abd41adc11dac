package filestore

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What was written is the disk's, not the page cache's: nobody pays for pages that nobody may ask for.
func TestLargeBodiesLeaveNoPages(t *testing.T) {
	dir, err := os.MkdirTemp(".", "no-pages-") // the folder for temporary files may be memory itself
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	skipInMemory(t, dir)
	for _, c := range []struct {
		size   int
		cached bool
	}{{directFrom - 1, true}, {directFrom, false}, {8 << 20, false}} {
		if _, err := s.Put(t.Context(), "data/1", make([]byte, c.size)); err != nil {
			t.Fatal(err)
		}
		if s.notDirect.Load() {
			t.Skip("this file system does not write past the page cache")
		}
		if cached := residentBytes(t, filepath.Join(s.root, "data/1")); (cached > 0) != c.cached {
			t.Errorf("of %d bytes %d are in the page cache", c.size, cached)
		}
	}
}

func skipInMemory(t *testing.T, dir string) {
	var of unix.Statfs_t
	if err := unix.Statfs(dir, &of); err != nil || of.Type == unix.TMPFS_MAGIC {
		t.Skip("no disk: ", err)
	}
}

// residentBytes is how much of a file is in the page cache.
func residentBytes(t *testing.T, path string) (n int) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	pages := make([]byte, (len(mapped)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped)), uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, page := range pages {
		n += int(page&1) * os.Getpagesize()
	}
	return n
}
