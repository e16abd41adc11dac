package log

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// judge holds what the batches of one segment before this one have changed already.
//
// A segment may bring a batch for each of thousands of partitions. Ingest brings them in order, which finds what is known of a
// partition at the end of the list. Commands in any other order are decided alike, by way of a map.
type judge struct {
	s        *State
	now      base.Millis
	appended []Appended // what is appended
	topic    *Topic     // of the batch before; nil: there is none
	parts    []judgedPart
	where    map[base.PartitionKey]int32 // in parts; nil while their keys ascend
	seen     []seenProducer
	many     map[producerKey]int32 // in seen: those of a partition beyond the first fewSeen
}

// fewSeen is how many producers of a partition are searched one after another.
const fewSeen = 8

// judgedPart is a partition with batches in the segment.
type judgedPart struct {
	*Partition
	end    int64 // where the next of them goes
	first  int32 // in judge.appended: the first of its batches, as long as no other came, and its producer was not seen; -1: there is none
	seen   int32 // in judge.seen: the last of the first fewSeen producers of it; -1: there is none
	seenNo int32 // how many were seen
}

type producerKey struct {
	part base.PartitionKey
	id   int64
}

// seenProducer is an idempotent producer as it is with the segment's batches.
type seenProducer struct {
	Producer
	next int32 // in judge.seen: of the same partition; -1: there is no other
}

func newJudge(s *State, now base.Millis, batches int) *judge {
	return &judge{s: s, now: now, appended: make([]Appended, 0, batches), parts: make([]judgedPart, 0, batches)}
}

// batch gives the verdict on b, and appends it if that is good.
func (j *judge) batch(b *Batch, fileBytes int64) BatchReply {
	p := j.partOf(b)
	if p == nil {
		return BatchReply{Kind: base.UnknownTopicOrPartition, Base: -1, Start: -1}
	}
	if b.Count <= 0 || p.end+int64(b.Count) < 0 || !inFile(b.Pos, b.Len, fileBytes) || b.ProducerID >= 0 && b.BaseSequence < 0 {
		return BatchReply{Kind: base.CorruptMessage, Base: -1, Start: p.Start}
	}
	j.seeFirst(p)
	seen, known := j.producer(p, b.ProducerID)
	if b.ProducerID >= 0 {
		verdict, first := known.Judge(b.Epoch, b.BaseSequence, b.Count)
		switch verdict {
		case SequenceDuplicate:
			return BatchReply{Base: first, Start: p.Start}
		case SequenceGap:
			if plant.LeftOut(plant.SequenceGaps) {
				break
			}
			return BatchReply{Kind: base.OutOfOrderSequenceNumber, Base: -1, Start: p.Start}
		case SequenceFenced:
			return BatchReply{Kind: base.InvalidProducerEpoch, Base: -1, Start: p.Start}
		}
	}
	a := Appended{Key: p.Key, Base: p.end, Pos: b.Pos, Len: b.Len, Count: b.Count, MaxTimestamp: b.MaxTimestamp,
		ProducerID: b.ProducerID}
	if a.ProducerID >= 0 {
		// Without a producer these mean nothing: an entry does not bear them.
		a.Epoch, a.BaseSequence = b.Epoch, b.BaseSequence
	}
	if p.end == p.End {
		p.first = int32(len(j.appended))
	} else {
		j.see(p, seen, known, &a)
	}
	p.end = a.Base + int64(a.Count)
	j.appended = append(j.appended, a)
	return BatchReply{Base: a.Base, Start: p.Start}
}

// partOf gives the partition of b as the batches before left it; nil: there is none. It is good until the next call.
func (j *judge) partOf(b *Batch) *judgedPart {
	if j.topic == nil || j.topic.ID != b.Topic {
		t, ok := j.s.TopicByID(b.Topic)
		if !ok {
			return nil
		}
		j.topic = t
	}
	if b.Partition < 0 || b.Partition >= j.topic.Partitions {
		return nil
	}
	k := base.KeyOf(j.topic.Number, b.Partition)
	if i, ok := j.find(k); ok {
		return &j.parts[i]
	}
	p, ok := j.s.parts.Get(k)
	if !ok {
		return nil
	}
	if j.where != nil {
		j.where[k] = int32(len(j.parts))
	}
	j.parts = append(j.parts, judgedPart{Partition: p, end: p.End, first: -1, seen: -1})
	return &j.parts[len(j.parts)-1]
}

// find looks up where in parts partition k is. Keys that no longer ascend are the map's from then on.
func (j *judge) find(k base.PartitionKey) (int32, bool) {
	last := len(j.parts) - 1
	switch {
	case last < 0:
		return 0, false
	case j.parts[last].Key == k:
		return int32(last), true
	case j.where == nil && j.parts[last].Key < k:
		return 0, false
	case j.where == nil:
		j.where = make(map[base.PartitionKey]int32, cap(j.parts))
		for i := range j.parts {
			j.where[j.parts[i].Key] = int32(i)
		}
	}
	i, ok := j.where[k]
	return i, ok
}

// producer gives what is known of a producer in p: seen if the segment brought batches of it, else as the state has it. known is
// nil if nothing is.
func (j *judge) producer(p *judgedPart, id int64) (seen *seenProducer, known *Producer) {
	for i := p.seen; i >= 0; i = j.seen[i].next {
		if j.seen[i].ID == id {
			return &j.seen[i], &j.seen[i].Producer
		}
	}
	if i, ok := j.many[producerKey{p.Key, id}]; ok {
		return &j.seen[i], &j.seen[i].Producer
	}
	return nil, p.Producer(id)
}

// seeFirst sees the producer of the first batch of p, now that there is another. Most segments bring one of each partition, of which nobody asks what
// its producer is like afterwards.
func (j *judge) seeFirst(p *judgedPart) {
	if p.first < 0 {
		return
	}
	a := &j.appended[p.first]
	p.first = -1
	j.see(p, nil, p.Producer(a.ProducerID), a)
}

// see notes that a, if it has a producer, was appended to p: known is the producer before, seen if the segment brought batches of it already.
func (j *judge) see(p *judgedPart, seen *seenProducer, known *Producer, a *Appended) {
	if a.ProducerID < 0 {
		return
	}
	if seen == nil {
		seen = j.add(p, a.ProducerID)
	}
	seen.Producer = known.appended(a.ProducerID, a.Epoch, a.BaseSequence, a.Count, a.Base, j.now)
}

// add adds a producer to those seen in p. It is good until the next call.
func (j *judge) add(p *judgedPart, id int64) *seenProducer {
	n := int32(len(j.seen))
	j.seen = append(j.seen, seenProducer{next: p.seen})
	switch p.seenNo++; {
	case p.seenNo <= fewSeen:
		p.seen = n
	case j.many == nil:
		j.many = map[producerKey]int32{{p.Key, id}: n}
	default:
		j.many[producerKey{p.Key, id}] = n
	}
	return &j.seen[n]
}
