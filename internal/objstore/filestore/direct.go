package filestore

import (
	"errors"
	"io"
	"os"
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

// writeDirect writes all whole blocks past the page cache, and through it what is left: padding the last block and cutting it off again would
// have that read from the disk and written anew.
func writeDirect(f *os.File, body [][]byte) error {
	if err := setDirect(f, true); err != nil {
		return err
	}
	buffer := writing.Get().(*block)
	defer writing.Put(buffer)
	rest, err := writePieces(f, body, buffer.bytes)
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

// readDirect reads the blocks in which [from, to) lies into memory of its own: from the page cache, if that has all of them because somebody else
// has read them, and past it.
func readDirect(f *os.File, from, to int64, memory func(n int) (b []byte, free func())) (body []byte, free func(), err error) {
	first := from / directAlign * directAlign
	blocks, free := memory(wholeBlocks(int(to - first)))
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
		if free != nil {
			free()
		}
		return nil, nil, errors.Join(err, setDirect(f, false))
	}
	return blocks[from-first : to-first : to-first], free, nil
}

// wholeBlocks is n, or what it takes to be a multiple of a block.
func wholeBlocks(n int) int { return (n + directAlign - 1) / directAlign * directAlign }
