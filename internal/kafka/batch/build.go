package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// NewRecord is a record to be written. A nil Key or Value is null.
type NewRecord struct {
	Timestamp  int64
	Key, Value []byte
	Headers    []Header
}

// Builder writes a batch. Its zero value, with ProducerID set to NoProducerID and Epoch and BaseSequence to -1, is a
// plain batch at offset 0; Plain gives that.
type Builder struct {
	BaseOffset   int64
	LeaderEpoch  int32
	Attributes   Attributes // with the codec
	ProducerID   int64
	Epoch        int16
	BaseSequence int32
}

// Plain is the Builder of a batch without producer, compressed with c.
func Plain(c Codec) Builder {
	return Builder{Attributes: Attributes(c), ProducerID: NoProducerID, Epoch: -1, BaseSequence: -1}
}

// Build gives a new batch of records, of which there must be at least one.
func (bd Builder) Build(records ...NewRecord) Batch {
	first, max := records[0].Timestamp, records[0].Timestamp
	var body, one []byte
	for i := range records {
		one = appendRecord(one[:0], &records[i], int64(i), records[i].Timestamp-first)
		body = binary.AppendVarint(body, int64(len(one)))
		body = append(body, one...)
		if records[i].Timestamp > max {
			max = records[i].Timestamp
		}
	}
	body = compress(bd.Attributes.Codec(), body)

	b := make(Batch, HeaderSize, HeaderSize+len(body))
	bd.putHeader(b, len(records), first, max)
	b = append(b, body...)
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(len(b)-prefixSize))
	binary.BigEndian.PutUint32(b[crcAt:], b.ComputeCRC())
	return b
}

func (bd Builder) putHeader(b Batch, count int, first, max int64) {
	b.Rebase(bd.BaseOffset, bd.LeaderEpoch)
	b[magicAt] = magic2
	binary.BigEndian.PutUint16(b[attributesAt:], uint16(bd.Attributes))
	binary.BigEndian.PutUint32(b[lastOffsetDeltaAt:], uint32(count-1))
	binary.BigEndian.PutUint64(b[baseTimestampAt:], uint64(first))
	binary.BigEndian.PutUint64(b[maxTimestampAt:], uint64(max))
	binary.BigEndian.PutUint64(b[producerIDAt:], uint64(bd.ProducerID))
	binary.BigEndian.PutUint16(b[producerEpochAt:], uint16(bd.Epoch))
	binary.BigEndian.PutUint32(b[baseSequenceAt:], uint32(bd.BaseSequence))
	binary.BigEndian.PutUint32(b[countAt:], uint32(count))
}

func appendRecord(dst []byte, r *NewRecord, offsetDelta, timestampDelta int64) []byte {
	dst = append(dst, 0)
	dst = binary.AppendVarint(dst, timestampDelta)
	dst = binary.AppendVarint(dst, offsetDelta)
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = binary.AppendVarint(dst, int64(len(r.Headers)))
	for _, h := range r.Headers {
		dst = binary.AppendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

func appendBytes(dst, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(v))), v...)
}

// compress gives body as codec c has it; snappy as one raw block.
func compress(c Codec, body []byte) []byte {
	if c == None {
		return body
	}
	if c == Snappy {
		return s2.EncodeSnappy(nil, body)
	}
	var out bytes.Buffer
	w, err := newCompressor(c, &out)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("batch: compressing with %s into memory: %v", c, err)) // a codec that does not exist
	}
	return out.Bytes()
}

func newCompressor(c Codec, out io.Writer) (io.WriteCloser, error) {
	switch c {
	case Gzip:
		return gzip.NewWriter(out), nil
	case LZ4:
		return lz4.NewWriter(out), nil
	case Zstd:
		return zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	}
	return nil, errCodec
}
