package wire

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batch is a record batch of version 2 as bytes, with every field under the test's hand. fix says which of the fields
// that depend on others are computed at the end.
type batch struct {
	kmsg.RecordBatch
	keepLength, keepCRC bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newBatch holds records "v" with null keys, as a client without idempotence sends them.
func newBatch(count int) *batch {
	var records []byte
	for i := range count {
		records = append(records, encodeRecord(int32(i), 0, nil, []byte("v"))...)
	}
	return batchOf(count, records)
}

func batchOf(count int, records []byte) *batch {
	now := time.Now().UnixMilli()
	b := &batch{RecordBatch: kmsg.NewRecordBatch()}
	b.Magic, b.LastOffsetDelta, b.NumRecords, b.Records = 2, int32(count-1), int32(count), records
	b.FirstTimestamp, b.MaxTimestamp = now, now
	b.PartitionLeaderEpoch, b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1, -1
	return b
}

// sequenced makes it a batch of an idempotent producer.
func (b *batch) sequenced(id int64, epoch int16, first int32) *batch {
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = id, epoch, first
	return b
}

func (b *batch) bytes() []byte {
	raw := b.AppendTo(nil)
	if !b.keepLength {
		binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	}
	if !b.keepCRC {
		binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	}
	return raw
}

// encodeRecord is one record of a batch.
func encodeRecord(offsetDelta int32, timestampDelta int64, key, value []byte) []byte {
	body := []byte{0}
	body = kbin.AppendVarlong(body, timestampDelta)
	body = kbin.AppendVarint(body, offsetDelta)
	body = kbin.AppendVarintBytes(body, key)
	body = kbin.AppendVarintBytes(body, value)
	body = kbin.AppendVarint(body, 0)
	return append(kbin.AppendVarint(nil, int32(len(body))), body...)
}

// messageV1 is a record in the format before batches.
func messageV1(magic byte) []byte {
	body := []byte{magic, 0}
	if magic == 1 {
		body = binary.BigEndian.AppendUint64(body, 1)
	}
	body = binary.BigEndian.AppendUint32(body, 0xffffffff) // null key
	body = append(binary.BigEndian.AppendUint32(body, 1), 'v')
	raw := binary.BigEndian.AppendUint64(nil, 0)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(body)+4))
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(body))
	return append(raw, body...)
}
