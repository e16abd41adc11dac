package log

import (
	"github.com/millrace-io/millrace/internal/base"

	"github.com/millrace-io/millrace/internal/base/plant"
)

// WindowBatches is how many of its last batches a producer can repeat in a partition and be answered with their first
// offset. Clients keep at most 5 requests in flight; Kafka remembers 5. Twice that lets a request wander through a
// second agent while the first still holds its successors.
const WindowBatches = 10

// Producer is what a partition remembers of an idempotent producer: its epoch and its last batches. 112 bytes, no
// pointers.
type Producer struct {
	ID         int64
	LastOffset int64       // of the newest batch
	LastSeen   base.Millis // when it was appended
	lastSeq    [WindowBatches]int32
	baseBack   [WindowBatches]uint32 // LastOffset − the batch's base offset
	firstSeq   int32                 // of the oldest batch in the window
	Epoch      int16
	n          uint8 // batches in the window, 1 or more, oldest first
}

// NextSequence is the sequence number the producer's next batch must begin with.
func (p *Producer) NextSequence() int32 { return nextSequence(p.lastSeq[p.n-1]) }

// nextSequence wraps from the highest int32 to 0, as Kafka's DefaultRecordBatch.incrementSequence does.
func nextSequence(s int32) int32 { return advance(s, 1) }

func advance(s int32, by int32) int32 {
	const wrap = int64(1) << 31
	return int32((int64(s) + int64(by)) % wrap)
}

// LastSequence gives the last sequence number of a batch of count records that begins with base.
func LastSequence(base, count int32) int32 { return advance(base, count-1) }

// SequenceVerdict is what a producer's window says of a batch.
type SequenceVerdict uint8

const (
	SequenceNext      SequenceVerdict = iota // append it
	SequenceDuplicate                        // appended before: answer with its offset
	SequenceGap                              // OUT_OF_ORDER_SEQUENCE_NUMBER
	SequenceFenced                           // INVALID_PRODUCER_EPOCH
)

// Judge holds a batch of count records against the window. For a duplicate it gives the first offset of the batch.
// A nil receiver is a producer that the partition does not know: it may begin anywhere, as in Kafka, because its
// records may have been deleted (ProducerAppendInfo.checkSequence).
func (p *Producer) Judge(epoch int16, baseSeq, count int32) (SequenceVerdict, int64) {
	switch {
	case p == nil:
		return SequenceNext, 0
	case epoch < p.Epoch:
		return SequenceFenced, 0
	case epoch > p.Epoch:
		if baseSeq != 0 {
			return SequenceGap, 0
		}
		return SequenceNext, 0
	}
	lastSeq, first := LastSequence(baseSeq, count), p.firstSeq
	for i := 0; i < int(p.n); i++ {
		if first == baseSeq && p.lastSeq[i] == lastSeq && (i == int(p.n)-1 || !plant.LeftOut(plant.RepeatWindow)) {
			return SequenceDuplicate, p.LastOffset - int64(p.baseBack[i])
		}
		first = nextSequence(p.lastSeq[i])
	}
	if baseSeq != first {
		return SequenceGap, 0
	}
	return SequenceNext, 0
}

// appended gives the window of producer id with one more batch. The receiver, nil for a producer that is not known yet,
// is not changed.
func (p *Producer) appended(id int64, epoch int16, baseSeq, count int32, base int64, now base.Millis) Producer {
	n := Producer{ID: id, Epoch: epoch, firstSeq: baseSeq}
	last := base + int64(count) - 1
	if p != nil && p.Epoch == epoch {
		n = *p
		n.slide(last)
	}
	n.lastSeq[n.n], n.baseBack[n.n] = LastSequence(baseSeq, count), uint32(count-1)
	n.n++
	n.LastOffset, n.LastSeen = last, now
	return n
}

// slide makes room for one more batch, and counts distances from the new last offset.
func (p *Producer) slide(last int64) {
	drop := 0
	if p.n == WindowBatches {
		drop = 1
	}
	by := last - p.LastOffset
	for i := drop; i < int(p.n); i++ {
		if int64(p.baseBack[i])+by > int64(^uint32(0)) {
			drop = i + 1 // more than 4 billion offsets ago: no retry comes that late
		}
	}
	if drop > 0 {
		p.firstSeq = nextSequence(p.lastSeq[drop-1])
	}
	copy(p.lastSeq[:], p.lastSeq[drop:p.n])
	copy(p.baseBack[:], p.baseBack[drop:p.n])
	p.n -= uint8(drop)
	for i := 0; i < int(p.n); i++ {
		p.baseBack[i] += uint32(by)
	}
	for i := int(p.n); i < WindowBatches; i++ {
		p.lastSeq[i], p.baseBack[i] = 0, 0
	}
}

// sound reports whether the window can have come from batches that were appended below offset end.
func (p *Producer) sound(end int64) bool {
	ok := p.ID >= 0 && p.n >= 1 && p.n <= WindowBatches && p.firstSeq >= 0 && p.LastOffset >= 0 && p.LastOffset < end
	for i := 0; ok && i < int(p.n); i++ {
		ok = p.lastSeq[i] >= 0 && int64(p.baseBack[i]) <= p.LastOffset && (i == 0 || p.baseBack[i] < p.baseBack[i-1])
	}
	return ok
}
