package filestore

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/millrace-io/millrace/internal/objstore"
)

// pieceBytes is what one write call hands to the page cache. For a large one Linux takes its pages from large free blocks, and
// those are the ones that a virtual machine has given back to its host: touching them again costs ten times the copy.
// Pieces of this size also stay in the processor's cache.
const pieceBytes = 128 << 10

// writeBody writes the parts of a body one after another.
func (s *Store) writeBody(f *os.File, body [][]byte, direct bool) error {
	if !direct || !s.isDirect(int64(objstore.SizeOf(body))) {
		return writeBuffered(f, body)
	}
	return s.tryDirect(f, body, writeDirect)
}

// tryDirect writes a body by write, and from its beginning through the page cache if the file system refuses.
func (s *Store) tryDirect(f *os.File, body [][]byte, write func(*os.File, [][]byte) error) error {
	err := write(f, body)
	if !s.refused(err) {
		return err
	}
	if err := errors.Join(setDirect(f, false), rewind(f)); err != nil {
		return err
	}
	return writeBuffered(f, body)
}

// refused reports whether the file system does not have that at all, and makes a note of it.
func (s *Store) refused(err error) bool {
	if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return false
	}
	s.notDirect.Store(true)
	return true
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, 0)
	return errors.Join(err, f.Truncate(0))
}

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, pieceBytes) }}

func writeBuffered(f *os.File, body [][]byte) error {
	w := buffers.Get().(*bufio.Writer)
	defer buffers.Put(w)
	defer w.Reset(nil)
	w.Reset(f)
	for _, part := range body {
		for piece := range slices.Chunk(part, pieceBytes) {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// readBody reads the bytes [from, to) of a file of so many, and gives what takes the memory back if it is lent; else nil.
func (s *Store) readBody(f *os.File, size, from, to int64, lent bool) (body []byte, free func(), err error) {
	if s.isDirect(size) && to-from >= readDirectFrom {
		memory := ownMemory
		if lent && to-from <= lentMax-directAlign {
			memory = s.reading.lend
		}
		if body, free, err := readDirect(f, from, to, memory); !s.refused(err) && err == nil {
			return body, free, nil
		}
		// Whatever else it was, it is told of if it is so through the page cache, too.
	}
	body = make([]byte, to-from)
	if _, err := f.ReadAt(body, from); err != nil && !(errors.Is(err, io.EOF) && len(body) == 0) {
		return nil, nil, err
	}
	return body, nil, nil
}
