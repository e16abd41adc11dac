package log

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/millrace-io/millrace/internal/base/codec"
)

// The packed form of extents, in memory and in snapshots: a count, the offset of the first, and for each: file and highest
// timestamp, as differences from those of the extent before, position, length, offsets taken. One takes 10 to 13 bytes of it.

// pack gives the packed form of es in no more memory than that takes.
func pack(es []Extent) []byte {
	w := codec.Writer{B: make([]byte, 0, extentsBytesMost)}
	encodeExtents(&w, es)
	return bytes.Clone(w.B)
}

func encodeExtents(w *codec.Writer, es []Extent) {
	w.Uvarint(uint64(len(es)))
	if len(es) == 0 {
		return
	}
	w.Uvarint(uint64(es[0].Base))
	var before Extent
	for _, e := range es {
		w.Varint(int64(e.File - before.File))
		w.Varint(e.MaxTimestamp - before.MaxTimestamp)
		w.Uvarint(uint64(e.Pos))
		w.Uvarint(uint64(e.Len))
		w.Uvarint(uint64(e.Count))
		before = e
	}
}

// decodeExtents reads what may be malformed.
func decodeExtents(in *codec.Reader) []Extent {
	n := in.Count(5)
	if n > ChunkExtents {
		malformed(in)
	}
	if n == 0 || in.Err != nil {
		return nil
	}
	es := make([]Extent, n)
	at := getOffset(in)
	var before Extent
	for i := range es {
		e := &es[i]
		e.Base, e.File, e.MaxTimestamp = at, before.File+uint64(in.Varint()), before.MaxTimestamp+in.Varint()
		e.Pos, e.Len, e.Count = getUint32(in), getUint32(in), getUint32(in)
		if in.Err != nil || e.Count == 0 || at > math.MaxInt64-int64(e.Count) {
			malformed(in)
			return nil
		}
		at, before = e.End(), *e
	}
	return es
}

// unpacker reads what pack has laid out.
type unpacker struct {
	b    []byte
	last Extent
}

func (c *chunk) unpack() unpacker {
	u := unpacker{b: c.packed}
	u.uvarint() // ChunkExtents
	u.last.Base = int64(u.uvarint())
	return u
}

// next gives the next extent; there has to be one.
func (u *unpacker) next() Extent {
	e := &u.last
	e.Base = e.End() // of the first, too: the one before it takes no offsets
	e.File += uint64(u.varint())
	e.MaxTimestamp += u.varint()
	e.Pos, e.Len, e.Count = uint32(u.uvarint()), uint32(u.uvarint()), uint32(u.uvarint())
	return *e
}

func (u *unpacker) uvarint() uint64 {
	if b := u.b[0]; b < 0x80 { // most are
		u.b = u.b[1:]
		return uint64(b)
	}
	v, n := binary.Uvarint(u.b)
	u.b = u.b[n:]
	return v
}

func (u *unpacker) varint() int64 {
	v := u.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}
