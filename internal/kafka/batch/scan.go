package batch

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

var (
	errEnd       = errors.New("the records end before the last one is complete")
	errVarint    = errors.New("a varint is longer than its type allows")
	errStructure = errors.New("the parts of a record do not fill it exactly")
	errTooLarge  = errors.New("the records decompress to more than is allowed")
)

// pieces is a decompressed stream. next gives the next piece of it, valid until the next call; it fails with io.EOF at its
// end. A piece may be empty.
type pieces interface{ next() ([]byte, error) }

// scanner reads varints and skips bytes of a buffer and, when that is used up, of the pieces behind it. It never holds
// more than one piece, so that a record's size costs no memory.
type scanner struct {
	buf   []byte // what is loaded
	at    int    // next byte of buf
	past  int64  // bytes of the stream before buf
	limit int64  // bytes that may be read in all
	src   pieces
}

// position is the number of bytes taken so far.
func (s *scanner) position() int64 { return s.past + int64(s.at) }

// fill loads the next piece of the stream. It fails with io.EOF at its end.
func (s *scanner) fill() error {
	if s.src == nil {
		return io.EOF
	}
	s.past += int64(len(s.buf))
	s.buf, s.at = nil, 0
	for len(s.buf) == 0 {
		if s.past >= s.limit {
			return errTooLarge
		}
		piece, err := s.src.next()
		if err != nil {
			return err
		}
		s.buf = piece
	}
	return nil
}

// streamBytes is how much a stream gives at once.
const streamBytes = 64 << 10

// stream gives what a reader decodes, piece by piece.
type stream struct {
	r   io.Reader
	mem []byte
}

func (s *stream) next() ([]byte, error) {
	// A reader may return nothing and no error now and then; a hundred times in a row it is broken (as in bufio).
	for range 100 {
		n, err := s.r.Read(s.mem)
		if n > 0 {
			return s.mem[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, io.ErrNoProgress
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
	if rest := s.buf[s.at:]; int(size) <= len(rest) {
		s.at += int(size)
		return h.parse(rest[:size])
	}
	return s.nextAcross(h, s.position()+int64(size))
}

// nextAcross takes a record that ends beyond the buffer, up to end.
func (s *scanner) nextAcross(h *head, end int64) (err error) {
	if err = s.skip(1); err != nil { // attributes: none are in use
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

// malformed is the position after a value that could not be taken; from there nothing can.
const malformed = -1

// parse is nextAcross for a record that is in memory whole, as nearly all are: several times as fast.
func (h *head) parse(record []byte) error {
	timestamp, at := varintAt(record, 1)
	offset, at := varintAt(record, at)
	hasKey, at := skipAt(record, at)
	_, at = skipAt(record, at)
	headers, at := varintAt(record, at)
	if at == malformed || offset != int64(int32(offset)) || headers < 0 || headers > int64(len(record)-at)/2 {
		return errStructure
	}
	for range headers {
		var hasName bool
		if hasName, at = skipAt(record, at); !hasName {
			return errStructure
		}
		_, at = skipAt(record, at)
	}
	if at != len(record) {
		return errStructure
	}
	h.timestampDelta, h.offsetDelta, h.hasKey = timestamp, int32(offset), hasKey
	return nil
}

// varintAt takes the zig-zag varint at a position of b, and gives the position behind it.
func varintAt(b []byte, at int) (v int64, next int) {
	if uint(at) < uint(len(b)) && b[at] < 0x80 {
		u := b[at]
		return int64(u>>1) ^ -int64(u&1), at + 1
	}
	return longVarintAt(b, at)
}

func longVarintAt(b []byte, at int) (v int64, next int) {
	if at < 0 || at >= len(b) {
		return 0, malformed
	}
	v, n := binary.Varint(b[at:])
	if n <= 0 {
		return 0, malformed
	}
	return v, at + n
}

// skipAt passes over the length at a position of b and its bytes, and gives the position behind them. Null (any
// negative length) is not present.
func skipAt(b []byte, at int) (present bool, next int) {
	n, at := varintAt(b, at)
	switch {
	case at == malformed || n < math.MinInt32 || n > int64(len(b)-at):
		return false, malformed
	case n < 0:
		return false, at
	}
	return true, at + int(n)
}
