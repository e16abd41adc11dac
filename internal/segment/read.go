package segment

import (
	"encoding/binary"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/millrace-io/millrace/internal/base/envelope"
)

// File is a segment that was read whole and found sound.
type File struct {
	Store   base.StoreID
	Entries []Entry // in the order of the file
	bytes   []byte
}

// Chunk gives the bytes of a chunk, which are part of the file's.
func (f *File) Chunk(e Entry) []byte { return f.bytes[e.Pos : e.Pos+uint64(e.Len)] }

// Part is a chunk with its CRC, for another Builder.
func (f *File) Part(e Entry) Part { return Part{Bytes: f.Chunk(e), CRC: e.CRC} }

// Parse checks a whole file: envelope, index, and each chunk against its entry. Errors are those of envelope.Open; a
// file with a right checksum but wrong content is envelope.ErrDamaged too.
func Parse(file []byte) (*File, error) {
	if _, _, err := envelope.Open(file, envelope.Segment); err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	if len(file) < DataStart+FooterSize {
		return nil, damaged("%d bytes are too few for a segment", len(file))
	}
	f, err := ParseFooter(file, uint64(len(file)))
	if err != nil {
		return nil, err
	}
	entries, err := ParseIndex(file[f.IndexPos:], f)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if err := CheckChunk(file[e.Pos:e.Pos+uint64(e.Len)], e.CRC); err != nil {
			return nil, fmt.Errorf("chunk %d of %d: %w", i, len(entries), err)
		}
	}
	return &File{Store: base.StoreID(file[envelope.HeaderSize]), Entries: entries, bytes: file}, nil
}

// Footer says where the index of a file is.
type Footer struct {
	IndexPos uint64 // in the file
	IndexLen int    // bytes from there that ParseIndex needs: the index and the footer's checksum
	Entries  int
}

// ParseFooter reads the footer from tail, the last bytes (FooterSize or more) of a file of sizeBytes. The footer has
// been verified only once ParseIndex has read the index with it.
func ParseFooter(tail []byte, sizeBytes uint64) (Footer, error) {
	if len(tail) < FooterSize || sizeBytes < DataStart+FooterSize {
		return Footer{}, damaged("%d bytes of %d are too few for a footer", len(tail), sizeBytes)
	}
	raw := tail[len(tail)-FooterSize:]
	pos, entries := binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint32(raw[8:])
	footerPos := sizeBytes - FooterSize
	if pos < DataStart || pos > footerPos || footerPos-pos != uint64(entries)*EntrySize || entries == 0 {
		return Footer{}, damaged("the footer names %d entries at %d in a file of %d bytes", entries, pos, sizeBytes)
	}
	return Footer{
		IndexPos: pos,
		IndexLen: int(sizeBytes-pos) - envelope.TrailerSize,
		Entries:  int(entries),
	}, nil
}

// ParseIndex reads the index from b: the IndexLen bytes (or more) of the file from IndexPos.
func ParseIndex(b []byte, f Footer) ([]Entry, error) {
	if len(b) < f.IndexLen || f.IndexLen < 4 {
		return nil, damaged("the index has %d bytes, not %d", len(b), f.IndexLen)
	}
	sealed := f.IndexLen - 4
	if stored, computed := binary.LittleEndian.Uint32(b[sealed:]), crc32c.Of(b[:sealed]); stored != computed {
		return nil, damaged("the index's checksum is %08x, its bytes have %08x", stored, computed)
	}
	entries := make([]Entry, f.Entries)
	pos := uint64(DataStart)
	for i := range entries {
		e := decodeEntry(b[i*EntrySize:])
		if e.Pos != pos || e.Len == 0 || e.Partition < 0 {
			return nil, damaged("entry %d of the index, partition %d, %d bytes at %d, does not follow on %d",
				i, e.Partition, e.Len, e.Pos, pos)
		}
		pos += uint64(e.Len)
		entries[i] = e
	}
	if pos != f.IndexPos {
		return nil, damaged("the chunks end at %d, the index begins at %d", pos, f.IndexPos)
	}
	return entries, nil
}

func decodeEntry(b []byte) (e Entry) {
	copy(e.Topic[:], b)
	e.Partition = int32(binary.LittleEndian.Uint32(b[16:]))
	e.Pos = binary.LittleEndian.Uint64(b[20:])
	e.Len = binary.LittleEndian.Uint32(b[28:])
	e.CRC = binary.LittleEndian.Uint32(b[32:])
	return e
}

// CheckChunk tells whether b is the chunk that has crc.
func CheckChunk(b []byte, crc uint32) error {
	if got := crc32c.Of(b); got != crc {
		return damaged("a chunk of %d bytes has checksum %08x, expected %08x", len(b), got, crc)
	}
	return nil
}

func damaged(format string, args ...any) error {
	return base.Errorf(base.StorageError, "segment: %w: %s", envelope.ErrDamaged, fmt.Sprintf(format, args...))
}
