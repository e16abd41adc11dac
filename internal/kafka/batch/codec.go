package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is how the records of a batch are compressed.
type Codec uint8

const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd

	codecCount
)

func (c Codec) String() string {
	if c >= codecCount {
		return fmt.Sprintf("codec %d", uint8(c))
	}
	return [...]string{"none", "gzip", "snappy", "lz4", "zstd"}[c]
}

const (
	// MaxDecompressedBytes bounds what one batch may decompress to, and with it the time a bomb costs. Kafka has no
	// such bound; 1 GiB is ten times its largest default request, and a second of gzip on one core.
	MaxDecompressedBytes = 1 << 30
	// MaxBlockBytes bounds what must be decoded whole: a raw snappy block, or a zstd frame with a window above
	// maxWindow. Twice the largest record that is promised to work (64 MiB).
	MaxBlockBytes = 128 << 20
	// maxWindow is the zstd window up to which frames are streamed: what levels up to 19 use, and what RFC 8878
	// asks every decoder to support.
	maxWindow = 8 << 20
	// keepBlockBytes is the largest buffer for decoded snappy that stays in the pool.
	keepBlockBytes = 4 << 20
	// snappyMaxRatio: a snappy element of 3 bytes makes at most 64; a block that claims more lies.
	snappyMaxRatio = 22
)

var (
	errCodec  = errors.New("the codec is unknown")
	errXerial = errors.New("the snappy framing is malformed")
	xerial    = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}
)

// xerialHeader is the xerial magic and two version numbers of 4 bytes.
const xerialHeader = 16

// walker is a scanner together with the decoders it streams through, pooled as one.
type walker struct {
	scanner
	in     bytes.Reader
	stream stream // of gzip, zstd and uncommon lz4
	gzip   *gzip.Reader
	lz4    *lz4.Reader
	zstd   *zstd.Decoder
	frame  lz4Frame
	xerial xerialBlocks
}

var walkers = sync.Pool{New: func() any { return &walker{} }}

// walk begins to read the records of b, which may decompress to as much as any may. The caller calls release when done.
func walk(b Batch) (*walker, error) { return walkUpTo(b, MaxDecompressedBytes) }

// walkUpTo is walk with a limit of its own, in bytes of what comes out. It fails with errTooLarge, then or later.
func walkUpTo(b Batch, limit int64) (*walker, error) {
	w := walkers.Get().(*walker)
	w.scanner = scanner{limit: limit}
	if err := w.open(b.Attributes().Codec(), b.Body()); err != nil {
		w.release()
		return nil, err
	}
	return w, nil
}

// release gives the walker back, without any reference to the batch.
func (w *walker) release() {
	w.buf, w.src = nil, nil
	w.in.Reset(nil)
	w.stream.r, w.xerial.src, w.frame.src = nil, nil, nil
	if cap(w.xerial.block) > keepBlockBytes {
		w.xerial.block = nil
	}
	walkers.Put(w)
}

func (w *walker) open(c Codec, body []byte) (err error) {
	if c == None {
		w.buf = body
		return nil
	}
	w.in.Reset(body)
	switch c {
	case Gzip:
		err = w.openGzip()
	case Snappy:
		err = w.openSnappy(body)
	case LZ4:
		w.openLZ4(body)
	case Zstd:
		err = w.openZstd(body)
	default:
		err = errCodec
	}
	return err
}

func (w *walker) openGzip() (err error) {
	if w.gzip == nil {
		w.gzip = new(gzip.Reader)
	}
	w.through(w.gzip)
	return w.gzip.Reset(&w.in)
}

// through has the scanner read what r decodes.
func (w *walker) through(r io.Reader) {
	if w.stream.mem == nil {
		w.stream.mem = make([]byte, streamBytes)
	}
	w.stream.r = r
	w.src = &w.stream
}

func (w *walker) openLZ4(body []byte) {
	if w.frame.begin(body) {
		w.src = &w.frame
		return
	}
	if w.lz4 == nil {
		w.lz4 = lz4.NewReader(nil)
	}
	w.lz4.Reset(&w.in)
	w.through(w.lz4)
}

// openSnappy streams xerial's chunks, which Java writes; a raw block, as librdkafka and franz-go write, is decoded
// whole.
func (w *walker) openSnappy(body []byte) error {
	if len(body) >= xerialHeader && bytes.HasPrefix(body, xerial) {
		w.xerial = xerialBlocks{src: body[xerialHeader:], block: w.xerial.block}
		w.src = &w.xerial
		return nil
	}
	block, err := decodeSnappy(w.xerial.block, body)
	w.buf, w.xerial.block = block, block
	return err
}

func (w *walker) openZstd(body []byte) (err error) {
	var h zstd.Header
	if err := h.Decode(body); err == nil && h.WindowSize > maxWindow {
		if w.limit < MaxBlockBytes {
			return errTooLarge // it may come out before anybody can say stop
		}
		w.buf, err = wideZstd().DecodeAll(body, nil)
		return err
	}
	if w.zstd == nil {
		w.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(MaxDecompressedBytes))
		if err != nil {
			return err
		}
	}
	w.through(w.zstd)
	return w.zstd.Reset(&w.in)
}

// wideZstd decodes frames of any window whole; its memory grows with what comes out, not with the window claimed.
var wideZstd = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxBlockBytes))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
})

// decodeSnappy decodes one block into dst's capacity, once its claimed size is plausible.
func decodeSnappy(dst, block []byte) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if n > MaxBlockBytes {
		return nil, errTooLarge
	}
	if n > snappyMaxRatio*len(block) {
		return nil, s2.ErrCorrupt
	}
	return s2.Decode(dst[:cap(dst)], block)
}

// xerialBlocks gives snappy's blocks out of xerial's framing: each is preceded by its length of 4 bytes.
type xerialBlocks struct {
	src   []byte
	block []byte // decoded, reused
}

// next gives the next block, valid until the next call. It fails with io.EOF after the last.
func (x *xerialBlocks) next() ([]byte, error) {
	if len(x.src) == 0 {
		return nil, io.EOF
	}
	if len(x.src) < 4 {
		return nil, errXerial
	}
	n := uint64(binary.BigEndian.Uint32(x.src))
	if n > uint64(len(x.src)-4) {
		return nil, errXerial
	}
	block, err := decodeSnappy(x.block, x.src[4:4+n])
	if err != nil {
		return nil, err
	}
	x.block, x.src = block, x.src[4+n:]
	return block, nil
}
