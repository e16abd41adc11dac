// Package codec writes and reads the small binary values that Millrace's own formats are made of: little-endian fixed
// integers, unsigned and zig-zag varints, and length-prefixed bytes.
//
// Owns: the primitive encodings and their bounds checks.
// Does not own: any format. Each format is described in the doc.go of the room that owns it.
package codec

import (
	"encoding/binary"
	"errors"
	"slices"
)

// ErrMalformed says that the bytes end too early, a varint is too long, or a length or count is past what remains.
var ErrMalformed = errors.New("codec: malformed or truncated value")

// Writer appends values to B.
type Writer struct{ B []byte }

// Reserve makes room for n more bytes, so that a long list grows the buffer once.
func (w *Writer) Reserve(n int) { w.B = slices.Grow(w.B, n) }

func (w *Writer) Uint8(v uint8)    { w.B = append(w.B, v) }
func (w *Writer) Uint16(v uint16)  { w.B = binary.LittleEndian.AppendUint16(w.B, v) }
func (w *Writer) Uint32(v uint32)  { w.B = binary.LittleEndian.AppendUint32(w.B, v) }
func (w *Writer) Uint64(v uint64)  { w.B = binary.LittleEndian.AppendUint64(w.B, v) }
func (w *Writer) Uvarint(v uint64) { w.B = binary.AppendUvarint(w.B, v) }
func (w *Writer) Varint(v int64)   { w.B = binary.AppendVarint(w.B, v) }
func (w *Writer) Raw(v []byte)     { w.B = append(w.B, v...) }

// Bool writes one byte, 0 or 1.
func (w *Writer) Bool(v bool) {
	if v {
		w.Uint8(1)
	} else {
		w.Uint8(0)
	}
}

// Bytes writes a length and the bytes. Nil and empty are the same.
func (w *Writer) Bytes(v []byte) {
	w.Uvarint(uint64(len(v)))
	w.Raw(v)
}

// String writes a length and the bytes of v.
func (w *Writer) String(v string) {
	w.Uvarint(uint64(len(v)))
	w.B = append(w.B, v...)
}

// Reader takes values from the front of B. After the first malformed value Err is set, B is empty, and every further
// value is zero: callers check Err once, at the end.
type Reader struct {
	B   []byte
	Err error
}

func (r *Reader) fail() {
	r.B, r.Err = nil, ErrMalformed
}

// Raw takes n bytes without copying them.
func (r *Reader) Raw(n int) []byte {
	if n < 0 || n > len(r.B) {
		r.fail()
		return nil
	}
	v := r.B[:n:n]
	r.B = r.B[n:]
	return v
}

// Fixed takes len(dst) bytes into dst.
func (r *Reader) Fixed(dst []byte) { copy(dst, r.Raw(len(dst))) }

func (r *Reader) Uint8() uint8 {
	if v := r.Raw(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *Reader) Uint16() uint16 {
	if v := r.Raw(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *Reader) Uint32() uint32 {
	if v := r.Raw(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (r *Reader) Uint64() uint64 {
	if v := r.Raw(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.B)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.B = r.B[n:]
	return v
}

func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.B)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.B = r.B[n:]
	return v
}

// Bool takes one byte, which must be 0 or 1.
func (r *Reader) Bool() bool {
	switch r.Uint8() {
	case 0:
		return false
	case 1:
		return true
	}
	r.fail()
	return false
}

// Bytes takes a length and that many bytes, without copying them.
func (r *Reader) Bytes() []byte {
	n := r.Uvarint()
	if n > uint64(len(r.B)) {
		r.fail()
		return nil
	}
	return r.Raw(int(n))
}

// String takes a length and that many bytes.
func (r *Reader) String() string { return string(r.Bytes()) }

// Count takes the number of elements of a list, each at least minBytes (≥ 1) long: a count that the remaining bytes
// cannot hold is malformed, so a lying count never makes its reader allocate.
func (r *Reader) Count(minBytes int) int {
	n := r.Uvarint()
	if n > uint64(len(r.B)/minBytes) {
		r.fail()
		return 0
	}
	return int(n)
}

// Done reports the first error, or ErrMalformed when bytes are left over.
func (r *Reader) Done() error {
	if r.Err == nil && len(r.B) != 0 {
		r.fail()
	}
	return r.Err
}
