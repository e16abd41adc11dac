package log

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// OrphanAfter (B) is when an uploaded file that no entry names may be taken for an orphan; a commit must come within
// half of it. The other half is for clocks and for entries under way.
const OrphanAfter base.Millis = 60 * 60 * 1000

// decideCommit judges each batch by itself: one refusal never fails its segment.
func (s *State) decideCommit(c *CommitSegment, now base.Millis) ([]Event, *Reply) {
	rides, modified := len(c.Body) > 0, c.LastModified
	if rides {
		if len(c.Body) > RideBytesMax || int64(len(c.Body)) != c.SizeBytes {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("segment %s is said to have %d bytes and is to ride with %d", c.File.ID, c.SizeBytes, len(c.Body)))
		}
		modified = now
	}
	if r := s.refuseFile(c.File, c.SizeBytes, modified, now); r != nil {
		return nil, r
	}
	j := judge{s: s, now: now, ends: map[base.PartitionKey]int64{}, seen: map[producerKey]Producer{}}
	r := &Reply{Batches: make([]BatchReply, len(c.Batches))}
	e := SegmentCommitted{File: s.nextFile, Ref: c.File, SizeBytes: c.SizeBytes, LastModified: modified, At: now}
	for i := range c.Batches {
		a, reply := j.batch(&c.Batches[i], c.SizeBytes)
		r.Batches[i] = reply
		if a.Count > 0 {
			e.Batches = append(e.Batches, a)
		}
	}
	switch {
	case !rides:
		return []Event{&e}, r
	case len(e.Batches) == 0:
		return nil, r // nothing of it is wanted, and there is no object to remember
	}
	return []Event{&SegmentRode{SegmentCommitted: e, Body: c.Body}}, r
}

// refuseFile holds a data file that is to join the log against what any must be: new, not empty, and uploaded lately.
func (s *State) refuseFile(file base.FileRef, sizeBytes int64, modified, now base.Millis) *Reply {
	if _, ok := s.byULID.Get(ulidKey(file.ID)); ok {
		return refuse(base.InvalidRequest, fmt.Sprintf("segment %s is committed already, or one with a like name is", file.ID))
	}
	if sizeBytes <= 0 {
		return refuse(base.InvalidRequest, fmt.Sprintf("segment %s is said to have %d bytes", file.ID, sizeBytes))
	}
	if now-OrphanAfter/2 > modified {
		return refuse(base.RequestTimedOut, fmt.Sprintf("segment %s was uploaded %d s before its commit, the most is %d s",
			file.ID, (now-modified)/1000, OrphanAfter/2000))
	}
	return nil
}

// judge holds what the batches of one segment before this one have changed already.
type judge struct {
	s    *State
	now  base.Millis
	ends map[base.PartitionKey]int64
	seen map[producerKey]Producer
}

type producerKey struct {
	part base.PartitionKey
	id   int64
}

// batch gives the verdict on b, and what to append; a Count of 0 means nothing.
func (j *judge) batch(b *Batch, fileBytes int64) (Appended, BatchReply) {
	_, p, ok := j.s.PartitionOf(b.Topic, b.Partition)
	if !ok {
		return Appended{}, BatchReply{Kind: base.UnknownTopicOrPartition, Base: -1, Start: -1}
	}
	end := j.end(p)
	if b.Count <= 0 || end+int64(b.Count) < 0 || !inFile(b.Pos, b.Len, fileBytes) || b.ProducerID >= 0 && b.BaseSequence < 0 {
		return Appended{}, BatchReply{Kind: base.CorruptMessage, Base: -1, Start: p.Start}
	}
	if b.ProducerID >= 0 {
		verdict, first := j.producer(p, b.ProducerID).Judge(b.Epoch, b.BaseSequence, b.Count)
		switch verdict {
		case SequenceDuplicate:
			return Appended{}, BatchReply{Base: first, Start: p.Start}
		case SequenceGap:
			if plant.LeftOut(plant.SequenceGaps) {
				break
			}
			return Appended{}, BatchReply{Kind: base.OutOfOrderSequenceNumber, Base: -1, Start: p.Start}
		case SequenceFenced:
			return Appended{}, BatchReply{Kind: base.InvalidProducerEpoch, Base: -1, Start: p.Start}
		}
	}
	a := Appended{Key: p.Key, Base: end, Pos: b.Pos, Len: b.Len, Count: b.Count, MaxTimestamp: b.MaxTimestamp,
		ProducerID: b.ProducerID}
	j.ends[p.Key] = a.Base + int64(a.Count)
	if a.ProducerID >= 0 {
		// Without a producer these mean nothing: an entry does not bear them.
		a.Epoch, a.BaseSequence = b.Epoch, b.BaseSequence
		k := producerKey{p.Key, a.ProducerID}
		j.seen[k] = j.producer(p, a.ProducerID).appended(a.ProducerID, a.Epoch, a.BaseSequence, a.Count, a.Base, j.now)
	}
	return a, BatchReply{Base: a.Base, Start: p.Start}
}

func (j *judge) end(p *Partition) int64 {
	if end, ok := j.ends[p.Key]; ok {
		return end
	}
	return p.End
}

func (j *judge) producer(p *Partition, id int64) *Producer {
	if pr, ok := j.seen[producerKey{p.Key, id}]; ok {
		return &pr
	}
	return p.Producer(id)
}
