package fetch

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Bounds of the extents in one Fetch, of a partition and of all: each may lie in another file.
const (
	planExtentsMax    = 256
	planExtentsMaxAll = 10_000
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

// Limits are those of an answer, in bytes.
type Limits struct {
	Bytes  int64 // of records
	Memory int64 // that it is planned to take
	// Files says that what is not copied is sent out of open files, and takes next to no memory.
	Files bool
}

// inMemory is about how much memory n bytes of an extent take. It is more if they ride, or if batches do not bear their offsets and are small.
func (l *Limits) inMemory(n int64) int64 {
	if l.Files && n >= copyBelowOpen {
		return refBytes
	}
	return n
}

// lower has the answer take less memory.
func (l *Limits) lower(memory int64) {
	if l.Memory = memory; !l.Files {
		l.Bytes = min(l.Bytes, memory)
	}
}

// Plan says what a Fetch is answered with by one View.
type Plan struct {
	Parts   []Part       // one for each Want, in order
	Extents []log.Extent // to be read, part by part
	rounds  []turn       // the same in the order in which they were gathered
	Bytes   int64        // of all parts
	Memory  int64        // that these take, about
	Full    bool         // a limit is reached: waiting brings no more
	Denies  bool         // a part is an error, or tells the client to go back: not without a barrier
}

// MakePlan plans wants, up to the limits; byID tells how the client names topics. The first part
// that has records is planned also beyond the limits (KIP-74): its first batch may be larger. What was written together lies in
// the same files, and is planned so that it is read at once: see gathering.
func MakePlan(s *log.State, wants []Want, limits Limits, byID bool) Plan {
	p := Plan{Parts: make([]Part, len(wants))}
	l := looking{gathering: gathering{plan: &p, most: limits}, state: s, find: s.Finder(), wants: wants, byID: byID}
	for i := range wants {
		l.at(i)
	}
	l.run()
	return p
}

// isEmpty reports whether a plan has found nothing, to read or to deny.
func (p *Plan) isEmpty() bool { return p.Bytes == 0 && !p.Denies && !p.Full }

// renew plans parts anew, by number and in order: all that have changed since p was made, which is empty.
func (p *Plan) renew(s *log.State, wants []Want, changed []int32, limits Limits, byID bool) {
	l := looking{gathering: gathering{plan: p, most: limits}, state: s, find: s.Finder(), wants: wants, byID: byID}
	for _, i := range changed {
		l.at(int(i))
	}
	l.run()
}

// looking makes a plan.
type looking struct {
	gathering
	state *log.State
	find  log.Finder
	topic *log.Topic // of the want before: they come topic by topic
	wants []Want
	byID  bool
}

// at judges a want, and has what there is for it gathered.
func (l *looking) at(i int) {
	w, part := &l.wants[i], &l.plan.Parts[i]
	if l.topic == nil || l.topic.ID != w.Topic {
		l.topic, _ = l.state.TopicByID(w.Topic)
	}
	state := part.judge(&l.find, l.topic, w, l.byID)
	switch {
	case part.Kind != base.OK || part.DivergingEpoch >= 0:
		l.plan.Denies = true
	case w.Offset < state.End:
		l.cursors = append(l.cursors, cursor{part: i, log: state, offset: w.Offset, most: max(0, int64(w.MaxBytes))})
	}
}

// remaining is about how many bytes of x lie at or after offset.
func remaining(x log.Extent, offset int64) int64 {
	if offset <= x.Base {
		return int64(x.Len)
	}
	return max(1, int64(float64(x.Len)*float64(x.End()-offset)/float64(x.Count)))
}

// judge says what is wrong with w, if anything is, and gives the partition. topic is nil if there is none.
func (part *Part) judge(find *log.Finder, topic *log.Topic, w *Want, byID bool) *log.Partition {
	*part = Part{Start: -1, End: -1, DivergingEpoch: -1}
	if topic == nil && byID {
		part.Kind = base.UnknownTopicID
		return nil
	}
	if topic == nil || w.Partition < 0 || w.Partition >= topic.Partitions {
		part.Kind = base.UnknownTopicOrPartition
		return nil
	}
	state, _ := find.Partition(base.KeyOf(topic.Number, w.Partition))
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
