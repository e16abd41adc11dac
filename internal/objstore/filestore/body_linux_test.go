package filestore

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/millrace-io/millrace/internal/base/offheap"
	"github.com/millrace-io/millrace/internal/objstore"
)

// What is large goes to the disk, and is read from there, without pages of the page cache: nobody pays for what nobody may ask for. Its last bytes
// are no block, and have one.
func TestLargeBodiesLeaveNoPages(t *testing.T) {
	s := onDisk(t)
	page := os.Getpagesize()
	for _, c := range []struct{ size, pages int }{
		{directFrom - 1, (directFrom + page - 1) / page}, {directFrom, 0}, {8 << 20, 0}, {8<<20 + 1, 1},
	} {
		if _, err := s.Put(t.Context(), "data/1", make([]byte, c.size)); err != nil {
			t.Fatal(err)
		}
		wantPages(t, s, "as written", c.size, c.pages)
		if c.size < lentMax {
			continue
		}
		o, err := s.GetRange(objstore.Lending(t.Context()), "data/1", 5000, 1<<20)
		if err != nil || len(o.Body) != 1<<20 {
			t.Fatalf("%d bytes, %v", len(o.Body), err)
		}
		o.Release()
		wantPages(t, s, "as read", c.size, c.pages)
	}
}

// What somebody else has read through the page cache, all of it, is not read from the disk again.
func TestWhatIsInThePageCacheIsReadFromThere(t *testing.T) {
	s := onDisk(t)
	const size = 4 << 20
	if _, err := s.Put(t.Context(), "data/1", make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(s.root, "data/1"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wantDirect := func(what string, want bool) {
		t.Helper()
		if _, _, err := s.readBody(f, size, 0, size, false); err != nil {
			t.Fatal(err)
		}
		flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
		if got := flags&unix.O_DIRECT != 0; err != nil || got != want {
			t.Errorf("%s: past the page cache: %t, want %t (%v)", what, got, want, err)
		}
		if err := setDirect(f, false); err != nil {
			t.Fatal(err)
		}
	}
	wantDirect("nothing is there", true)
	if _, err := f.ReadAt(make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	wantDirect("a part is there", true)
	if _, err := f.ReadAt(make([]byte, size), 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{Len: size}, &unix.Cachestat_t{}, 0); errors.Is(err, unix.ENOSYS) {
		t.Skip("before Linux 6.5 nobody says what is there")
	}
	wantDirect("all is there", false)
}

// What is expected of a file comes into the page cache, all of it however little the disk takes at once and whatever is there already, and nothing
// else.
func TestWhatIsExpectedComes(t *testing.T) {
	const size, from, to, slack = 16 << 20, 1<<20 + 5000, 13<<20 + 5000, 128 << 10
	s := onDisk(t)
	if _, err := s.Put(t.Context(), "data/1", make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	o, _, err := s.Open(t.Context(), "data/1")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	wantPages(t, s, "as written", size, 0)
	o.Expect(0, 0)
	o.Expect(from, from-1)
	o.Expect(size, 2*size) // there is nothing
	wantPages(t, s, "nothing was expected", size, 0)
	if _, err := o.ReadAt(make([]byte, 64<<10), 9<<20); err != nil {
		t.Fatal(err)
	}
	o.Expect(from, to)
	path, page := filepath.Join(s.root, "data/1"), os.Getpagesize()
	first, end := from/page, (to+page-1)/page
	there := 0 // what is being read is not there yet
	for deadline := time.Now().Add(10 * time.Second); there < end-first && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		there = residentIn(t, path, first, end)
	}
	if before, behind := residentIn(t, path, 0, first), residentIn(t, path, (to+slack)/page, size/page); before > 0 || there < end-first || behind > 0 {
		t.Errorf("of %d pages that were expected %d came, %d before and %d behind them", end-first, there, before, behind)
	}
}

// What is not forced to the disk, and what is the journal's, goes through the page cache whatever its size.
func TestWhatStaysInThePageCache(t *testing.T) {
	const size = 1 << 20
	s := onDisk(t)
	if _, err := s.PutIfAbsent(t.Context(), "data/1", make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	wantPages(t, s, "created if absent", size, size/os.Getpagesize())
	s = onDisk(t, WithoutSync())
	if _, err := s.Put(t.Context(), "data/1", make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	wantPages(t, s, "not synced", size, size/os.Getpagesize())
}

// A block that nobody has any more goes back to the system.
func TestBlocksAreCollected(t *testing.T) {
	var begins, n uintptr = 0, 2 * offheap.HugePage
	func() {
		b := newBlock(int(n))
		begins = uintptr(unsafe.Pointer(&b.bytes[0]))
		if uintptr(len(b.bytes)) != n || begins%offheap.HugePage != 0 {
			t.Errorf("got %d bytes at %p", len(b.bytes), b.bytes)
		}
		clear(b.bytes)
		if !isMapped(begins) {
			t.Error("it is not there to begin with")
		}
	}()
	for deadline := time.Now().Add(10 * time.Second); isMapped(begins); time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(deadline) {
			t.Fatal("it still is mapped")
		}
	}
}

// isMapped reports whether the page at an address is one of the process.
func isMapped(address uintptr) bool {
	var page [1]byte
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, address, 1, uintptr(unsafe.Pointer(&page[0])))
	return errno != unix.ENOMEM
}

func wantPages(t *testing.T, s *Store, what string, size, want int) {
	t.Helper()
	if got := residentPages(t, filepath.Join(s.root, "data/1")); got != want {
		t.Errorf("%d bytes, %s: %d pages are in the page cache, want %d", size, what, got, want)
	}
}

// onDisk opens a store on a disk that can be gone to past the page cache; the folder for temporary files may be memory.
func onDisk(t *testing.T, options ...Option) *Store {
	dir, err := os.MkdirTemp(".", "on-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var of unix.Statfs_t
	if err := unix.Statfs(dir, &of); err != nil || of.Type == unix.TMPFS_MAGIC {
		t.Skip("no disk: ", err)
	}
	s, err := New(dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "able"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := setDirect(f, true); err != nil {
		t.Skip("this file system does not write past the page cache: ", err)
	}
	return s
}

// residentPages is how much of a file is in the page cache.
func residentPages(t *testing.T, path string) int { return residentIn(t, path, 0, math.MaxInt) }

// residentIn counts pages of a file from one up to another that are in the page cache.
func residentIn(t *testing.T, path string, from, to int) (n int) {
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
	for _, page := range pages[from:min(to, len(pages))] {
		n += int(page & 1)
	}
	return n
}
