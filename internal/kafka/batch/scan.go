package batch

import (
	"errors"
	"io"
	"math"
)

var (
	errEnd       = errors.New("the records end before the last one is complete")
	errVarint    = errors.New("a varint is longer than its type allows")
	errStructure = errors.New("a length inside a record is negative or goes past the record's end")
	errTooLarge  = errors.New("the records decompress to more than is allowed")
)

// scanBufferSize is how much of a decompressed stream is held at once.
const scanBufferSize = 64 << 10

// scanner reads varints and skips bytes of a buffer and, when that is used up, of a stream behind it. It never holds
// more than one buffer, so that a record's size costs no memory.
type scanner struct {
	buf   []byte // what is loaded
	at    int    // next byte of buf
	past  int64  // bytes of the stream before buf
	limit int64  // bytes that may be read in all
	src   io.Reader
	mem   []byte // where buf is loaded; its own, kept between uses
}

// position is the number of bytes taken so far.
func (s *scanner) position() int64 { return s.past + int64(s.at) }

// fill loads the next piece of the stream. It fails with io.EOF at its end.
func (s *scanner) fill() error {
	if s.src == nil {
		return io.EOF
	}
	s.past += int64(len(s.buf))
	s.buf, s.at = s.mem[:0], 0
	if s.past >= s.limit {
		return errTooLarge
	}
	// A reader may return nothing and no error now and then; a hundred times in a row it is broken (as in bufio).
	for range 100 {
		n, err := s.src.Read(s.mem)
		if n > 0 {
			s.buf = s.mem[:n]
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (s *scanner) byte() (byte, error) {
	if s.at == len(s.buf) {
		if err := s.fill(); err != nil {
			return 0, early(err)
		}
	}
	c := s.buf[s.at]
	s.at++
	return c, nil
}

// early turns the end of the stream where more was expected into an error of the batch.
func early(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errEnd
	}
	return err
}

// varint takes a zig-zag varint of at most 64 bits.
func (s *scanner) varint() (int64, error) {
	if s.at < len(s.buf) && s.buf[s.at] < 0x80 { // nearly all are one byte
		u := uint64(s.buf[s.at])
		s.at++
		return int64(u>>1) ^ -int64(u&1), nil
	}
	var u uint64
	for shift := uint(0); shift < 64; shift += 7 {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		if shift == 63 && c > 1 {
			return 0, errVarint
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), nil
		}
	}
	return 0, errVarint
}

// varint32 takes a zig-zag varint of at most 32 bits.
func (s *scanner) varint32() (int32, error) {
	v, err := s.varint()
	if err == nil && (v < math.MinInt32 || v > math.MaxInt32) {
		return 0, errVarint
	}
	return int32(v), err
}

// skip passes over n ≥ 0 bytes.
func (s *scanner) skip(n int64) error {
	for n > int64(len(s.buf)-s.at) {
		n -= int64(len(s.buf) - s.at)
		if err := s.fill(); err != nil {
			return early(err)
		}
	}
	s.at += int(n)
	return nil
}

// atEnd reports whether nothing is left.
func (s *scanner) atEnd() (bool, error) {
	if s.at < len(s.buf) {
		return false, nil
	}
	switch err := s.fill(); err {
	case nil:
		return false, nil
	case io.EOF:
		return true, nil
	default:
		return false, err
	}
}

// head is what a walk learns of a record.
type head struct {
	timestampDelta int64
	offsetDelta    int32
	hasKey         bool
}

// next takes one record, and checks that its parts fill it exactly.
func (s *scanner) next(h *head) error {
	size, err := s.varint32()
	if err != nil {
		return err
	}
	if size < 0 {
		return errStructure
	}
	end := s.position() + int64(size)
	if err := s.skip(1); err != nil { // attributes: none are in use
		return err
	}
	if h.timestampDelta, err = s.varint(); err != nil {
		return err
	}
	if h.offsetDelta, err = s.varint32(); err != nil {
		return err
	}
	if h.hasKey, err = s.skipBytes(end); err != nil {
		return err
	}
	if _, err = s.skipBytes(end); err != nil {
		return err
	}
	if err = s.skipHeaders(end); err != nil {
		return err
	}
	if s.position() != end {
		return errStructure
	}
	return nil
}

// skipBytes passes over a length and its bytes, which must end before end. Null (any negative length) is not present.
func (s *scanner) skipBytes(end int64) (present bool, err error) {
	n, err := s.varint32()
	if err != nil || n < 0 {
		return false, err
	}
	if s.position()+int64(n) > end {
		return false, errStructure
	}
	return true, s.skip(int64(n))
}

func (s *scanner) skipHeaders(end int64) error {
	n, err := s.varint32()
	if err != nil {
		return err
	}
	// A header is two bytes at least; a lying count ends the walk here.
	if n < 0 || int64(n) > (end-s.position())/2 {
		return errStructure
	}
	for range n {
		present, err := s.skipBytes(end)
		if err != nil {
			return err
		}
		if !present { // a header's key may not be null
			return errStructure
		}
		if _, err := s.skipBytes(end); err != nil {
			return err
		}
	}
	return nil
}
