package fetch

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Bounds of the extents in one Fetch, of a partition and of all: each may lie in another file.
const (
	planExtentsMax    = 256
	planExtentsMaxAll = 4096
)

// Part is a plan for one partition.
type Part struct {
	Kind           base.Kind
	Key            base.PartitionKey
	Start, End     int64 // log start and high watermark; -1 when not known
	Epoch          int32 // leader epoch
	DivergingEpoch int32 // -1: none
	DivergingEnd   int64
	Bytes          int64 // about what there is to read, up to the limits; above 0 if there is a record
	first, last    int   // its extents in Plan.Extents
}

// Plan says what a Fetch is answered with by one View.
type Plan struct {
	Parts   []Part       // one for each Want, in order
	Extents []log.Extent // to be read
	Bytes   int64        // of all parts
	Full    bool         // a limit is reached: waiting brings no more
	Denies  bool         // a part is an error, or tells the client to go back: not without a barrier
}

// MakePlan plans wants, of which maxBytes may be read in all; byID tells how the client names topics. The first part
// that has records is planned also beyond the limits (KIP-74): its first batch may be larger.
func MakePlan(s *log.State, wants []Want, maxBytes int64, byID bool) Plan {
	p := Plan{Parts: make([]Part, len(wants))}
	var topic *log.Topic // wants come topic by topic
	for i := range wants {
		w, part := &wants[i], &p.Parts[i]
		if topic == nil || topic.ID != w.Topic {
			topic, _ = s.TopicByID(w.Topic)
		}
		state := part.judge(s, topic, w, byID)
		if part.Kind != base.OK || part.DivergingEpoch >= 0 {
			p.Denies = true
			continue
		}
		if w.Offset == state.End {
			continue
		}
		limit := max(0, min(int64(w.MaxBytes), maxBytes-p.Bytes))
		if limit == 0 && p.Bytes > 0 {
			p.Full = true
			continue
		}
		p.gather(part, state, w.Offset, limit)
	}
	return p
}

// gather names the extents of a part from offset on, up to limit.
func (p *Plan) gather(part *Part, state *log.Partition, offset, limit int64) {
	part.first = len(p.Extents)
	state.Extents.From(offset, func(x log.Extent) bool {
		if part.Bytes >= limit && part.Bytes > 0 || len(p.Extents)-part.first == planExtentsMax || len(p.Extents) == planExtentsMaxAll {
			p.Full = true
			return false
		}
		p.Extents = append(p.Extents, x)
		part.Bytes += remaining(x, offset)
		return true
	})
	part.last = len(p.Extents)
	if part.Bytes >= limit {
		p.Full = true
		part.Bytes = max(1, limit)
	}
	p.Bytes += part.Bytes
}

// remaining is about how many bytes of x lie at or after offset.
func remaining(x log.Extent, offset int64) int64 {
	if offset <= x.Base {
		return int64(x.Len)
	}
	return max(1, int64(float64(x.Len)*float64(x.End()-offset)/float64(x.Count)))
}

// judge says what is wrong with w, if anything is, and gives the partition. topic is nil if there is none.
func (part *Part) judge(s *log.State, topic *log.Topic, w *Want, byID bool) *log.Partition {
	*part = Part{Start: -1, End: -1, DivergingEpoch: -1}
	if topic == nil && byID {
		part.Kind = base.UnknownTopicID
		return nil
	}
	if topic == nil || w.Partition < 0 || w.Partition >= topic.Partitions {
		part.Kind = base.UnknownTopicOrPartition
		return nil
	}
	state, _ := s.Partition(base.KeyOf(topic.Number, w.Partition))
	part.Key, part.Start, part.End, part.Epoch = state.Key, state.Start, state.End, state.Epoch
	switch {
	case w.CurrentLeaderEpoch >= 0 && w.CurrentLeaderEpoch < state.Epoch:
		part.Kind = base.FencedLeaderEpoch
	case w.CurrentLeaderEpoch > state.Epoch:
		part.Kind = base.UnknownLeaderEpoch
	case w.LastFetchedEpoch >= 0 && w.LastFetchedEpoch != state.Epoch:
		part.diverge(w)
	case w.LastFetchedEpoch >= 0 && w.Offset > state.End:
		part.DivergingEpoch, part.DivergingEnd = state.Epoch, state.End
	case w.Offset < state.Start || w.Offset > state.End:
		part.Kind = base.OffsetOutOfRange
	}
	return state
}

// diverge answers a reader whose last batch bears another epoch than the partition: as Kafka, which finds no end for an
// epoch to come, and lets an earlier one than any it knows end where the first begins.
func (part *Part) diverge(w *Want) {
	if w.LastFetchedEpoch > part.Epoch {
		part.Kind = base.OffsetOutOfRange
		return
	}
	part.DivergingEpoch, part.DivergingEnd = w.LastFetchedEpoch, part.Start
}
