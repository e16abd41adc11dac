package segment

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/millrace-io/millrace/internal/base/envelope"
)

const (
	// DataStart is the position of the first chunk.
	DataStart = envelope.HeaderSize + 4
	// FooterSize is the number of bytes at a file's end that ParseFooter needs.
	FooterSize = 8 + 4 + 4 + envelope.TrailerSize
	// EntrySize is the size of an index entry.
	EntrySize = 36
	// MaxChunkBytes is the largest chunk an entry can describe.
	MaxChunkBytes = math.MaxUint32
)

// Entry describes one chunk.
type Entry struct {
	Topic     base.TopicID
	Partition int32
	Pos       uint64 // in the file, in bytes
	Len       uint32 // in bytes, at least 1
	CRC       uint32 // CRC32C
}

// Part is bytes with their CRC32C, as whoever gives them has checked it: Builder does not compute it again. Front, if there is one,
// takes the place of the first of Bytes, which stay as they are; the CRC is of what comes of that.
type Part struct {
	Bytes []byte
	Front []byte
	CRC   uint32
}

// Summed makes a Part of bytes that nobody vouches for yet.
func Summed(b []byte) Part { return Part{Bytes: b, CRC: crc32c.Of(b)} }

// Builder lays out one segment. It keeps references to the slices it is given, and does not change them.
type Builder struct {
	pieces  [][]byte // of the file, as far as it is laid out
	crc     uint32   // of them
	entries []Entry
	end     uint64
}

// NewBuilder begins a segment for a store.
func NewBuilder(store base.StoreID) *Builder {
	head := append(envelope.Begin(make([]byte, 0, DataStart), envelope.Segment), byte(store), 0, 0, 0)
	return &Builder{pieces: [][]byte{head}, crc: crc32c.Of(head), end: DataStart}
}

// Grow makes room for so many parts, each in a chunk of its own at most.
func (b *Builder) Grow(parts int) {
	b.pieces = slices.Grow(b.pieces, 2*parts) // with their fronts
	b.entries = slices.Grow(b.entries, parts)
}

// Add appends one chunk, made of parts one after another, and tells where in the file it will be. All that belongs to
// a partition should come in one Add, so that it is one range to read; a second Add for it is a second chunk. A chunk
// without bytes, above MaxChunkBytes, or of a negative partition is a mistake of the caller, and panics.
func (b *Builder) Add(topic base.TopicID, partition int32, parts ...Part) Entry {
	chunk, size, crc := len(b.pieces), 0, uint32(0)
	for _, p := range parts {
		begin := len(b.pieces)
		for _, piece := range [...][]byte{p.Front, p.Bytes[len(p.Front):]} {
			if len(piece) > 0 {
				b.pieces = append(b.pieces, piece)
			}
		}
		size += len(p.Bytes)
		crc = crc32c.Append(crc, p.CRC, b.pieces[begin:]...)
	}
	if size == 0 || size > MaxChunkBytes || partition < 0 {
		panic("segment: a chunk must have 1 to 2^32-1 bytes and belong to a partition")
	}
	e := Entry{Topic: topic, Partition: partition, Pos: b.end, Len: uint32(size), CRC: crc}
	b.entries = append(b.entries, e)
	b.end += uint64(size)
	b.crc = crc32c.Append(b.crc, crc, b.pieces[chunk:]...)
	return e
}

// SizeBytes is the size that the file would have now.
func (b *Builder) SizeBytes() int {
	return int(b.end) + len(b.entries)*EntrySize + FooterSize
}

// Entries are the chunks added so far, in order. The caller does not change them.
func (b *Builder) Entries() []Entry { return b.entries }

// Pieces gives the file as pieces one after another: those of its chunks are what Add was given, where it lies. A segment without chunks
// is a mistake of the caller, and panics.
func (b *Builder) Pieces() [][]byte {
	if len(b.entries) == 0 {
		panic("segment: nothing was added")
	}
	tail := make([]byte, 0, len(b.entries)*EntrySize+FooterSize)
	for i := range b.entries {
		tail = b.entries[i].append(tail)
	}
	tail = binary.LittleEndian.AppendUint64(tail, b.end)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(len(b.entries)))
	tail = binary.LittleEndian.AppendUint32(tail, crc32c.Of(tail))
	return append(slices.Clip(b.pieces), envelope.SealWith(tail, crc32c.Update(b.crc, tail)))
}

// Finish gives the file in one piece, with a copy of what Add was given. It panics as Pieces does.
func (b *Builder) Finish() []byte {
	file := make([]byte, 0, b.SizeBytes())
	for _, piece := range b.Pieces() {
		file = append(file, piece...)
	}
	return file
}

func (e *Entry) append(dst []byte) []byte {
	dst = append(dst, e.Topic[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Partition))
	dst = binary.LittleEndian.AppendUint64(dst, e.Pos)
	dst = binary.LittleEndian.AppendUint32(dst, e.Len)
	return binary.LittleEndian.AppendUint32(dst, e.CRC)
}
