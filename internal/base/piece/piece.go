package piece

import (
	"errors"
	"io"
	"syscall"
)

// File is an open file that does not change while a Piece of it is under way. *os.File is one.
type File interface {
	io.ReaderAt
	syscall.Conn
}

// ErrFile is among the causes of an error of writing if a file was to blame for it, not the connection.
var ErrFile = errors.New("a file that is being sent cannot be read")

// Piece is some bytes, which do not change any more.
type Piece struct {
	bytes []byte
	file  File // nil: they are in bytes
	off   int64
	n     int
}

// Of is bytes in memory.
func Of(b []byte) Piece { return Piece{bytes: b, n: len(b)} }

// In is n bytes of a file from off on.
func In(f File, off int64, n int) Piece { return Piece{file: f, off: off, n: n} }

// Len is the number of bytes.
func (p Piece) Len() int { return p.n }

// Bytes gives the bytes: its own if they are in memory, which must not be changed. It fails as ReadFull does.
func (p Piece) Bytes() ([]byte, error) {
	if p.file == nil {
		return p.bytes, nil
	}
	return p.appendTo(make([]byte, 0, p.n))
}

func (p Piece) appendTo(b []byte) ([]byte, error) {
	if p.file == nil {
		return append(b, p.bytes...), nil
	}
	at := len(b)
	b = append(b, make([]byte, p.n)...)
	return b, ReadFull(p.file, b[at:], p.off)
}

// ReadFull fills b with a file's bytes from off on. It fails with io.ErrUnexpectedEOF if there are fewer, else as the file does.
func ReadFull(f io.ReaderAt, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// List is pieces one after another.
type List []Piece

// Len is the number of bytes of all.
func (l List) Len() (n int) {
	for i := range l {
		n += l[i].n
	}
	return n
}

// InFiles is the number of bytes that lie in files.
func (l List) InFiles() (n int) {
	for i := range l {
		if l[i].file != nil {
			n += l[i].n
		}
	}
	return n
}

// Own gives the same bytes in memory of their own. What lies in files stays there, unless files is set: then it fails as ReadFull does.
func (l List) Own(files bool) (List, error) {
	stays := func(p *Piece) bool { return p.file != nil && !files }
	var out List
	for from, to := 0, 0; from < len(l); from = to {
		if to = from + 1; stays(&l[from]) {
			out = append(out, l[from])
			continue
		}
		for to < len(l) && !stays(&l[to]) {
			to++
		}
		b, err := l[from:to].Copy()
		if err != nil {
			return nil, err
		}
		if len(b) > 0 {
			out = append(out, Of(b))
		}
	}
	return out, nil
}

// Copy gives the bytes of all in memory of their own. It fails as ReadFull does.
func (l List) Copy() ([]byte, error) {
	b, err := make([]byte, 0, l.Len()), error(nil)
	for _, p := range l {
		if b, err = p.appendTo(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}
