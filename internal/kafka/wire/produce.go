package wire

import (
	"encoding/binary"

	"github.com/millrace-io/millrace/internal/base"
)

// ProduceResponse is an answer to Produce, version 0 to 13. Fields that a version does not have are not written. It is written here because kmsg
// asks reflection about the tagged fields of each partition: with thousands of them that took as long as to append their batches to the state.
type ProduceResponse struct {
	CorrelationID int32
	Version       int16
	Topics        []ProduceTopic
}

// ProduceTopic is one topic of the answer, by name up to version 12, by id from 13 on.
type ProduceTopic struct {
	Topic      string
	TopicID    base.TopicID
	Partitions []ProducePartition
}

// ProducePartition is one partition of the answer.
type ProducePartition struct {
	Partition      int32
	ErrorCode      int16
	BaseOffset     int64           // -1 = none
	LogAppendTime  int64           // v2+, in ms; -1 = the producer's timestamps are kept
	LogStartOffset int64           // v5+; -1 = not known
	Refusal        *ProduceRefusal // v8+; nil = nothing more to say
}

// ProduceRefusal says why a partition's records were refused (KIP-467).
type ProduceRefusal struct {
	Text    *string // nil = none
	Records []RefusedRecord
}

// RefusedRecord is one that its batch was refused for.
type RefusedRecord struct {
	Index int32 // in the batch
	Text  string
}

const (
	// Upper bounds of what is written beside strings and lists, so that one buffer holds it all.
	produceFixedBytes     = 32
	produceTopicBytes     = 32
	producePartitionBytes = 48
	produceRecordBytes    = 12
)

// EncodeProduceResponse gives the whole frame, with its length, in one allocation.
func EncodeProduceResponse(r *ProduceResponse) []byte {
	e := encoder{version: r.Version, flexible: r.Version >= produceFlexible, b: make([]byte, FrameLengthSize, r.bound())}
	e.int32(r.CorrelationID)
	e.noTags() // of the header
	e.length(len(r.Topics))
	for i := range r.Topics {
		t := &r.Topics[i]
		e.topicName(t.Topic, &t.TopicID, produceTopicIDs)
		e.length(len(t.Partitions))
		for j := range t.Partitions {
			e.produced(&t.Partitions[j])
		}
		e.noTags()
	}
	if e.version >= 1 {
		e.int32(0) // nobody is throttled
	}
	e.noTags()
	binary.BigEndian.PutUint32(e.b, uint32(len(e.b)-FrameLengthSize))
	return e.b
}

// bound tells how many bytes there are at most.
func (r *ProduceResponse) bound() int {
	size := produceFixedBytes
	for i := range r.Topics {
		t := &r.Topics[i]
		size += produceTopicBytes + len(t.Topic) + producePartitionBytes*len(t.Partitions)
		for j := range t.Partitions {
			if refusal := t.Partitions[j].Refusal; refusal != nil {
				size += refusal.bound()
			}
		}
	}
	return size
}

func (r *ProduceRefusal) bound() (size int) {
	if r.Text != nil {
		size += len(*r.Text)
	}
	for i := range r.Records {
		size += produceRecordBytes + len(r.Records[i].Text)
	}
	return size
}

func (e *encoder) produced(p *ProducePartition) {
	e.int32(p.Partition)
	e.int16(p.ErrorCode)
	e.int64(p.BaseOffset)
	if e.version >= 2 {
		e.int64(p.LogAppendTime)
	}
	if e.version >= 5 {
		e.int64(p.LogStartOffset)
	}
	if e.version >= 8 {
		e.refusal(p.Refusal)
	}
	e.noTags()
}

func (e *encoder) refusal(r *ProduceRefusal) {
	if r == nil {
		r = &ProduceRefusal{}
	}
	e.length(len(r.Records))
	for i := range r.Records {
		e.int32(r.Records[i].Index)
		e.nullableString(&r.Records[i].Text)
		e.noTags()
	}
	e.nullableString(r.Text)
}
