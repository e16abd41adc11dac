package filestore

import (
	"errors"
	"io"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	// directFrom: a body of so many bytes goes past the page cache.
	directFrom = 256 << 10
	// readDirectFrom: so many bytes of such a body are read past it, too.
	readDirectFrom = 32 << 10
	// directBytes is what one write call hands to the disk then. With less of it a GiB takes more CPU, with more no less.
	directBytes = 2 << 20
	// directAlign is what such calls are a multiple of, in memory, in the file and in length. Disks with larger blocks are few: they are written
	// through the page cache.
	directAlign = 4096
)

// isDirect reports whether a body of so many bytes goes past the page cache (O_DIRECT) to the disk, and from there. It does where it is forced to the
// disk anyway: to bring new pages for it costs more than the copy into these, many times more where a virtual machine's host has to find them.
func (s *Store) isDirect(n int64) bool { return s.sync && n >= directFrom && !s.notDirect.Load() }

var directs = sync.Pool{New: func() any { b := alignedBytes(directBytes); return &b }}

// alignedBytes gives n bytes that begin at a multiple of directAlign.
func alignedBytes(n int) []byte {
	b := make([]byte, n+directAlign)
	over := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % directAlign)
	return b[directAlign-over:][:n:n]
}

// writeDirect writes all whole blocks past the page cache, and through it what is left: padding the last block and cutting it off again would
// have that read from the disk and written anew.
func writeDirect(f *os.File, body [][]byte) error {
	if err := setDirect(f, true); err != nil {
		return err
	}
	buffer := directs.Get().(*[]byte)
	defer directs.Put(buffer)
	rest, err := writePieces(f, body, *buffer)
	if err != nil {
		return err
	}
	blocks := len(rest) / directAlign * directAlign
	if _, err := f.Write(rest[:blocks]); err != nil {
		return err
	}
	if err := setDirect(f, false); err != nil {
		return err
	}
	_, err = f.Write(rest[blocks:])
	return err
}

// writePieces writes as much of a body as fills piece, each time, and gives what is left.
func writePieces(f *os.File, body [][]byte, piece []byte) (rest []byte, err error) {
	filled := 0
	for _, part := range body {
		for len(part) > 0 {
			n := copy(piece[filled:], part)
			part, filled = part[n:], filled+n
			if filled < len(piece) {
				continue
			}
			if _, err := f.Write(piece); err != nil {
				return nil, err
			}
			filled = 0
		}
	}
	return piece[:filled], nil
}

// readDirect reads the blocks in which [from, to) lies: from the page cache, if that has all of them because somebody else has read them,
// and past it. It gives what lets another read have the memory.
func readDirect(f *os.File, from, to int64) (body []byte, free func(), err error) {
	first := from / directAlign * directAlign
	buffer, free := bufferFor(int(to - from))
	blocks := buffer[:wholeBlocks(int(to-first))]
	if !isCached(f, first, int(to-first)) {
		err = setDirect(f, true)
	}
	if err == nil {
		var n int
		// At the end of the file a block is short. What is short elsewhere cannot be gone on with in the middle of a block.
		if n, err = pread(f, blocks, first); err == nil && int64(n) < to-first {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		free()
		return nil, nil, errors.Join(err, setDirect(f, false))
	}
	return blocks[from-first : to-first : to-first], free, nil
}

// wholeBlocks is n, or what it takes to be a multiple of a block.
func wholeBlocks(n int) int { return (n + directAlign - 1) / directAlign * directAlign }

// pooledMax is the largest read whose buffer is kept for another.
const pooledMax = 1 << 20

// pools have buffers for reads of readDirectFrom bytes, of twice as many, and so on, up to pooledMax.
var pools [6]sync.Pool

// bufferFor gives a buffer for the blocks in which n bytes lie, which begin and end anywhere, and what gives it back, once.
func bufferFor(n int) (buffer []byte, free func()) {
	if n > pooledMax {
		return alignedBytes(wholeBlocks(n) + directAlign), func() {}
	}
	class := bits.Len(uint(n-1) / readDirectFrom)
	pool := &pools[class]
	kept, _ := pool.Get().(*[]byte)
	if kept == nil {
		b := alignedBytes(readDirectFrom<<class + directAlign)
		kept = &b
	}
	var freed atomic.Bool
	return *kept, func() {
		if freed.Swap(true) {
			panic("filestore: the memory of a read is released twice")
		}
		pool.Put(kept)
	}
}
