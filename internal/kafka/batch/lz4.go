package batch

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/pierrec/lz4/v4"
)

var (
	errLZ4Block = errors.New("an lz4 block is longer than its frame allows")
	errLZ4Rest  = errors.New("bytes are left over after the lz4 frame")
)

// lz4Head is the start of a frame that lz4Frame reads: magic, flags, block size and the checksum of these two.
type lz4Head struct {
	bytes    string
	maxBlock int
	checksum bool // of the whole content, behind the last block
}

// lz4Heads are those of independent blocks without checksums of their own and without a content size, of the LZ4 frame
// format: what the clients of Java, librdkafka and franz-go write. Other frames go through lz4.Reader.
var lz4Heads = [...]lz4Head{
	{"\x04\x22\x4d\x18\x60\x40\x82", 64 << 10, false},
	{"\x04\x22\x4d\x18\x60\x50\xfb", 256 << 10, false},
	{"\x04\x22\x4d\x18\x60\x60\x51", 1 << 20, false},
	{"\x04\x22\x4d\x18\x60\x70\x73", 4 << 20, false},
	{"\x04\x22\x4d\x18\x64\x40\xa7", 64 << 10, true},
	{"\x04\x22\x4d\x18\x64\x50\x08", 256 << 10, true},
	{"\x04\x22\x4d\x18\x64\x60\x85", 1 << 20, true},
	{"\x04\x22\x4d\x18\x64\x70\xb9", 4 << 20, true},
}

const (
	lz4HeadBytes = 7
	lz4Stored    = 1 << 31 // in a block's length: it is not compressed
	// lz4MaxRatio: a byte of an lz4 block makes at most 255.
	lz4MaxRatio = 255
)

// lz4Frame gives the blocks of one frame, each decoded whole. The checksum of the content is passed over, as Kafka's
// broker does: the batch has its own, and this one costs as much as half of the decoding.
type lz4Frame struct {
	lz4Head
	src   []byte
	block []byte // reused
}

// begin takes a body that starts with one of lz4Heads; false for any other.
func (f *lz4Frame) begin(body []byte) bool {
	if len(body) < lz4HeadBytes {
		return false
	}
	for i := range lz4Heads {
		if h := &lz4Heads[i]; string(body[:lz4HeadBytes]) == h.bytes {
			f.lz4Head, f.src = *h, body[lz4HeadBytes:]
			return true
		}
	}
	return false
}

// next gives the next block, valid until the next call. It fails with io.EOF after the last.
func (f *lz4Frame) next() ([]byte, error) {
	if f.src == nil {
		return nil, io.EOF
	}
	size, err := f.uint32()
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, f.end()
	}
	n := int(size &^ lz4Stored)
	if n > f.maxBlock {
		return nil, errLZ4Block
	}
	if n > len(f.src) {
		return nil, io.ErrUnexpectedEOF
	}
	raw := f.src[:n]
	f.src = f.src[n:]
	if size&lz4Stored != 0 {
		return raw, nil
	}
	if room := min(f.maxBlock, lz4MaxRatio*n); cap(f.block) < room {
		f.block = make([]byte, room)
	}
	n, err = lz4.UncompressBlock(raw, f.block[:min(cap(f.block), f.maxBlock)])
	if err != nil {
		return nil, err
	}
	return f.block[:n], nil
}

// end comes after the last block.
func (f *lz4Frame) end() error {
	if f.checksum {
		if _, err := f.uint32(); err != nil {
			return err
		}
	}
	if len(f.src) > 0 {
		return errLZ4Rest
	}
	f.src = nil
	return io.EOF
}

func (f *lz4Frame) uint32() (uint32, error) {
	if len(f.src) < 4 {
		return 0, io.ErrUnexpectedEOF
	}
	v := binary.LittleEndian.Uint32(f.src)
	f.src = f.src[4:]
	return v, nil
}
