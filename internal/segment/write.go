package segment

import (
	"encoding/binary"
	"math"

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

// Part is bytes with their CRC32C, as whoever gives them has checked it: Builder does not compute it again.
type Part struct {
	Bytes []byte
	CRC   uint32
}

// Summed makes a Part of bytes that nobody vouches for yet.
func Summed(b []byte) Part { return Part{Bytes: b, CRC: crc32c.Of(b)} }

// Builder lays out one segment. It keeps references to the slices it is given until Finish copies them, once, into
// the file.
type Builder struct {
	store   base.StoreID
	parts   []Part
	entries []Entry
	end     uint64
}

// NewBuilder begins a segment for a store.
func NewBuilder(store base.StoreID) *Builder { return &Builder{store: store, end: DataStart} }

// Add appends one chunk, made of parts one after another, and tells where in the file it will be. All that belongs to
// a partition should come in one Add, so that it is one range to read; a second Add for it is a second chunk. A chunk
// without bytes, above MaxChunkBytes, or of a negative partition is a mistake of the caller, and panics.
func (b *Builder) Add(topic base.TopicID, partition int32, parts ...Part) Entry {
	size, crc := 0, uint32(0)
	for _, p := range parts {
		size += len(p.Bytes)
		crc = crc32c.Append(crc, p.Bytes, p.CRC)
	}
	if size == 0 || size > MaxChunkBytes || partition < 0 {
		panic("segment: a chunk must have 1 to 2^32-1 bytes and belong to a partition")
	}
	e := Entry{Topic: topic, Partition: partition, Pos: b.end, Len: uint32(size), CRC: crc}
	b.parts = append(b.parts, parts...)
	b.entries = append(b.entries, e)
	b.end += uint64(size)
	return e
}

// SizeBytes is the size that the file would have now.
func (b *Builder) SizeBytes() int {
	return int(b.end) + len(b.entries)*EntrySize + FooterSize
}

// Entries are the chunks added so far, in order. The caller does not change them.
func (b *Builder) Entries() []Entry { return b.entries }

// Finish gives the file. A segment without chunks is a mistake of the caller, and panics.
func (b *Builder) Finish() []byte {
	if len(b.entries) == 0 {
		panic("segment: nothing was added")
	}
	file := envelope.Begin(make([]byte, 0, b.SizeBytes()), envelope.Segment)
	file = append(file, byte(b.store), 0, 0, 0)
	crc := crc32c.Of(file)
	for _, p := range b.parts {
		file = append(file, p.Bytes...)
	}
	for _, e := range b.entries {
		crc = crc32c.Append(crc, file[e.Pos:e.Pos+uint64(e.Len)], e.CRC)
	}
	index := len(file)
	for i := range b.entries {
		file = b.entries[i].append(file)
	}
	file = binary.LittleEndian.AppendUint64(file, uint64(index))
	file = binary.LittleEndian.AppendUint32(file, uint32(len(b.entries)))
	file = binary.LittleEndian.AppendUint32(file, crc32c.Of(file[index:]))
	return envelope.SealWith(file, crc32c.Update(crc, file[index:]))
}

func (e *Entry) append(dst []byte) []byte {
	dst = append(dst, e.Topic[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Partition))
	dst = binary.LittleEndian.AppendUint64(dst, e.Pos)
	dst = binary.LittleEndian.AppendUint32(dst, e.Len)
	return binary.LittleEndian.AppendUint32(dst, e.CRC)
}
