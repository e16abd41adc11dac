package filestore

import (
	"runtime"
	"sync"
	"unsafe"

	"github.com/millrace-io/millrace/internal/base/offheap"
)

// block is memory that the disk is written from or read into, outside of Go's heap and in huge pages where the system has them. For a read or write
// past the page cache the kernel goes through the pages of its memory, and the disk is told of each piece that lies by itself: with pages of 4 KiB
// that is more work than all the rest (-bench 'GetRange|Put').
type block struct{ bytes []byte }

// newBlock gives n bytes, a multiple of offheap.HugePage, of Go's heap if the system has no others. It has them back when the block is collected.
func newBlock(n int) *block {
	bytes, unmap := offheap.Huge(n)
	if bytes == nil {
		bytes, _ = ownMemory(n)
		return &block{bytes}
	}
	b := &block{bytes}
	runtime.AddCleanup(b, func(unmap func()) { unmap() }, unmap)
	return b
}

// alignedTo gives b from the first multiple of align on.
func alignedTo(align int, b []byte) []byte {
	over := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % uintptr(align))
	return b[(align-over)%align:]
}

// writing has blocks that one write call after another takes its bytes from.
var writing = sync.Pool{New: func() any { return newBlock(directBytes) }}

const (
	// slabBytes are cut up for reads.
	slabBytes = 2 * offheap.HugePage
	// lentMax is the largest read for which memory is lent.
	lentMax = slabBytes / 2
)

// slab is a block out of which memory is lent, from its beginning to its end, and again once all of it has been given back.
type slab struct {
	*block
	used int // bytes of it
	lent int // how many have some
}

var slabs = sync.Pool{New: func() any { return &slab{block: newBlock(slabBytes)} }}

// lender lends memory to reads that promise to give it back (objstore.Lending).
type lender struct {
	mu   sync.Mutex
	from *slab // nil: of the next one
}

// lend gives n bytes, a multiple of directAlign up to lentMax, and what takes them back, once.
func (l *lender) lend(n int) (b []byte, giveBack func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from == nil || slabBytes-l.from.used < n {
		l.from = slabs.Get().(*slab)
	}
	s := l.from
	b = s.bytes[s.used:][:n:n]
	s.used, s.lent = s.used+n, s.lent+1
	given := false
	return b, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if given {
			panic("filestore: the memory of a read is released twice")
		}
		given = true
		l.takeBack(s)
	}
}

// takeBack has a slab lent anew when nobody has any of it. l.mu is held.
func (l *lender) takeBack(s *slab) {
	if s.lent--; s.lent > 0 {
		return
	}
	if l.from == s {
		l.from = nil
	}
	s.used = 0
	slabs.Put(s)
}

// ownMemory gives n bytes that are the reader's for as long as he likes.
func ownMemory(n int) (b []byte, free func()) {
	return alignedTo(directAlign, make([]byte, n+directAlign))[:n:n], nil
}
