package log

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// Reply is the answer to a command. Kind is base.OK or why the whole command was refused; Text says it to people.
// The other fields are set as the command asks.
type Reply struct {
	Kind base.Kind
	Text string

	Topic      base.TopicID // CreateTopic: the topic of that name, also where it existed before
	Partitions int32        // CreateTopic: its partitions
	ProducerID int64        // AllocateProducerIDs: the first one
	Offset     int64        // DeleteRecords, Retain: the log start now
	Batches    []BatchReply // CommitSegment: one for each batch, in order
}

// BatchReply is the verdict on one batch.
type BatchReply struct {
	Kind  base.Kind
	Base  int64 // offset of its first record: also for a duplicate, whose Kind is OK
	Start int64 // the partition's log start offset
}

// batchReplyBytes is what most verdicts on a batch take.
const batchReplyBytes = 8

// Encode writes the reply.
func (p *Reply) Encode(w *codec.Writer) {
	w.Varint(int64(p.Kind))
	w.String(p.Text)
	w.Raw(p.Topic[:])
	w.Varint(int64(p.Partitions))
	w.Varint(p.ProducerID)
	w.Varint(p.Offset)
	w.Uvarint(uint64(len(p.Batches)))
	w.Reserve(len(p.Batches) * batchReplyBytes)
	for _, b := range p.Batches {
		w.Varint(int64(b.Kind))
		w.Varint(b.Base)
		w.Varint(b.Start)
	}
}

// DecodeReply reads what Encode wrote. Errors are r.Err's.
func DecodeReply(r *codec.Reader) *Reply {
	p := &Reply{Kind: getKind(r), Text: r.String()}
	r.Fixed(p.Topic[:])
	p.Partitions, p.ProducerID, p.Offset = getInt32(r), r.Varint(), r.Varint()
	n := r.Count(3)
	if n > 0 {
		p.Batches = make([]BatchReply, n)
	}
	for i := range p.Batches {
		p.Batches[i] = BatchReply{Kind: getKind(r), Base: r.Varint(), Start: r.Varint()}
	}
	return p
}

func refuse(k base.Kind, text string) *Reply { return &Reply{Kind: k, Text: text} }
