package batch

import (
	"encoding/binary"
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
)

const (
	// HeaderSize is the size of a batch without records.
	HeaderSize = 61
	// FrontSize is the size of a batch's front: all that may differ between what a producer sent and what a consumer gets, and the
	// batch's length between them. It lies outside the CRC.
	FrontSize = leaderEpochAt + 4
	// prefixSize counts the bytes that the length field does not: base offset and the length itself.
	prefixSize = 12

	lengthAt          = 8
	leaderEpochAt     = 12
	magicAt           = 16
	crcAt             = 17
	attributesAt      = 21
	lastOffsetDeltaAt = 23
	baseTimestampAt   = 27
	maxTimestampAt    = 35
	producerIDAt      = 43
	producerEpochAt   = 51
	baseSequenceAt    = 53
	countAt           = 57

	// legacyOverhead is the smallest length field any magic allows (magic 0: CRC, magic, attributes, two lengths).
	legacyOverhead = 14
	magic2         = 2

	// NoTimestamp is a record's timestamp when it has none.
	NoTimestamp = -1
	// NoProducerID is the producer id of a batch without idempotence.
	NoProducerID = -1
)

// Attributes are the flags of a batch.
type Attributes int16

const (
	codecMask       Attributes = 0x07
	LogAppendTime   Attributes = 0x08
	Transactional   Attributes = 0x10
	Control         Attributes = 0x20
	DeleteHorizon   Attributes = 0x40
	clientForbidden            = Control | DeleteHorizon
)

// Codec is how the records are compressed.
func (a Attributes) Codec() Codec { return Codec(a & codecMask) }

// Has reports whether flag is set.
func (a Attributes) Has(flag Attributes) bool { return a&flag != 0 }

// Batch is the bytes of one whole batch, at least HeaderSize of them (Next sees to it). Its methods copy nothing.
type Batch []byte

func (b Batch) BaseOffset() int64      { return int64(binary.BigEndian.Uint64(b)) }
func (b Batch) LeaderEpoch() int32     { return int32(binary.BigEndian.Uint32(b[leaderEpochAt:])) }
func (b Batch) Magic() int8            { return int8(b[magicAt]) }
func (b Batch) CRC() uint32            { return binary.BigEndian.Uint32(b[crcAt:]) }
func (b Batch) Attributes() Attributes { return Attributes(binary.BigEndian.Uint16(b[attributesAt:])) }
func (b Batch) LastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[lastOffsetDeltaAt:])) }
func (b Batch) BaseTimestamp() int64   { return int64(binary.BigEndian.Uint64(b[baseTimestampAt:])) }
func (b Batch) MaxTimestamp() int64    { return int64(binary.BigEndian.Uint64(b[maxTimestampAt:])) }
func (b Batch) ProducerID() int64      { return int64(binary.BigEndian.Uint64(b[producerIDAt:])) }
func (b Batch) ProducerEpoch() int16   { return int16(binary.BigEndian.Uint16(b[producerEpochAt:])) }
func (b Batch) BaseSequence() int32    { return int32(binary.BigEndian.Uint32(b[baseSequenceAt:])) }
func (b Batch) Count() int32           { return int32(binary.BigEndian.Uint32(b[countAt:])) }

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// Body is the records, perhaps compressed.
func (b Batch) Body() []byte { return b[HeaderSize:] }

// ComputeCRC gives the checksum that the batch's bytes have, whatever the one it bears.
func (b Batch) ComputeCRC() uint32 { return crc32c.Of(b[attributesAt:]) }

// CRCStart is where the bytes begin that the checksum is of.
const CRCStart = attributesAt

// LastSequence is the sequence of the last record: sequences wrap from 2^31-1 to 0. -1 without a sequence.
func (b Batch) LastSequence() int32 {
	if b.BaseSequence() < 0 {
		return -1
	}
	return NextSequence(b.BaseSequence(), b.LastOffsetDelta())
}

// NextSequence advances a sequence by n ≥ 0, with the wrap from 2^31-1 to 0.
func NextSequence(sequence, n int32) int32 {
	return int32((int64(sequence) + int64(n)) % (math.MaxInt32 + 1))
}

// SumWith gives the CRC32C of the whole batch, its header included, if it had another front, from the checksum that it bears and that
// was checked.
func (b Batch) SumWith(front []byte) uint32 {
	return crc32c.Append(crc32c.Update(crc32c.Of(front), b[FrontSize:attributesAt]), b.CRC(), b[attributesAt:])
}

// PutFront writes the front of a batch of size bytes as the log has it.
func PutFront(front []byte, baseOffset int64, size uint32, leaderEpoch int32) {
	binary.BigEndian.PutUint32(front[lengthAt:], size-prefixSize)
	Batch(front).Rebase(baseOffset, leaderEpoch)
}

// Rebase sets, in place, what the log knows and the producer did not. Both lie outside the CRC.
func (b Batch) Rebase(baseOffset int64, leaderEpoch int32) {
	binary.BigEndian.PutUint64(b, uint64(baseOffset))
	binary.BigEndian.PutUint32(b[leaderEpochAt:], uint32(leaderEpoch))
}

// stamp sets the kind and value of the max timestamp, and the CRC, when they are not so already.
func (b Batch) stamp(appendTime bool, maxTimestamp int64) {
	a := b.Attributes() &^ LogAppendTime
	if appendTime {
		a |= LogAppendTime
	}
	if a == b.Attributes() && maxTimestamp == b.MaxTimestamp() {
		return
	}
	binary.BigEndian.PutUint16(b[attributesAt:], uint16(a))
	binary.BigEndian.PutUint64(b[maxTimestampAt:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(b[crcAt:], b.ComputeCRC())
}

// Next takes the first batch off records. As in Apache Kafka, an incomplete batch at the end is no error: b is nil
// then. Lengths and magics that no batch can have fail with CorruptMessage, as does a batch of magic 2 that is
// shorter than its header. The batch's content is not looked at.
func Next(records []byte) (b Batch, rest []byte, err error) {
	if len(records) < prefixSize {
		return nil, nil, nil
	}
	length := int64(int32(binary.BigEndian.Uint32(records[lengthAt:])))
	if length < legacyOverhead {
		return nil, nil, base.Errorf(base.CorruptMessage,
			"record batch claims a length of %d bytes, less than any batch has (%d)", length, legacyOverhead)
	}
	if len(records) <= magicAt {
		return nil, nil, nil
	}
	magic := int8(records[magicAt])
	if magic < 0 || magic > magic2 {
		return nil, nil, base.Errorf(base.CorruptMessage, "record batch has magic %d, which no Kafka knows", magic)
	}
	size := prefixSize + length
	if int64(len(records)) < size {
		return nil, nil, nil
	}
	if magic == magic2 && size < HeaderSize {
		return nil, nil, base.Errorf(base.CorruptMessage, "record batch of %d bytes is smaller than its header (%d)", size, HeaderSize)
	}
	return Batch(records[:size:size]), records[size:], nil
}
