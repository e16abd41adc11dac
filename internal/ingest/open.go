package ingest

import (
	"math"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/invariant"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/segment"
)

// open is what gathers for the next segment. While all uploads are taken it may be more than one.
type open struct {
	batches []*pending
	bytes   int
	last    time.Time // when its last batch came
}

func (o *open) add(p *pending, now time.Time) {
	o.last = now
	o.batches = append(o.batches, p)
	o.bytes += len(p.Bytes)
}

// cut takes the batches of one segment off: as many as fit bytesMax, the last one reaching beyond it, and
// MaxSegmentBatches.
func (o *open) cut(bytesMax int) []*pending {
	n, size := 0, 0
	for n < len(o.batches) && n < MaxSegmentBatches && (n == 0 || size < bytesMax) {
		size += len(o.batches[n].Bytes)
		n++
	}
	taken := o.batches[:n:n]
	o.batches, o.bytes = o.batches[n:], o.bytes-size
	return taken
}

// sealed is a segment that takes no more batches.
type sealed struct {
	number  uint64
	ref     base.FileRef
	commit  *log.CommitSegment
	batches []*pending // once sealed, in the order of commit.Batches
	fronts  []byte     // of the batches: what the file has in the place of theirs
	upload  upload
	rides   int // bytes; 0: it is uploaded
}

// front is where that of a batch is.
func (s *sealed) front(n int) []byte {
	return s.fronts[n*batch.FrontSize : (n+1)*batch.FrontSize : (n+1)*batch.FrontSize]
}

// partFrom gives where the batches end that are of one partition with the one at from.
func (s *sealed) partFrom(from int) (to int) {
	for to = from + 1; to < len(s.batches) && s.batches[to].besides(s.batches[from]); to++ {
	}
	return to
}

// layOut lays the file out, and describes what is in it. Until letGo the batches lie where they came.
func (s *sealed) layOut() *segment.Builder {
	s.commit = &log.CommitSegment{File: s.ref, Batches: make([]log.Batch, 0, len(s.batches))}
	b, parts := segment.NewBuilder(s.ref.Store), make([]segment.Part, len(s.batches))
	b.Grow(len(parts))
	for n, p := range s.batches {
		front := s.front(n)
		parts[n] = segment.Part{Bytes: p.Bytes, Front: front, CRC: batch.Batch(p.Bytes).SumWith(front)}
	}
	for from, to := 0, 0; from < len(s.batches); from = to {
		first := s.batches[from]
		to = s.partFrom(from)
		pos := uint32(b.Add(first.Topic, first.Partition, parts[from:to]...).Pos)
		for _, p := range s.batches[from:to] {
			s.commit.Batches = append(s.commit.Batches, p.describe(pos))
			pos += uint32(len(p.Bytes))
		}
	}
	s.commit.SizeBytes = int64(b.SizeBytes())
	return b
}

// letGo lets go of the batches' bytes: there is a copy, or the file is written, or will not be. body is that, and looked at where costly
// invariants are checked.
func (s *sealed) letGo(body func() []byte) {
	if invariant.Costly {
		s.check(body())
	}
	for _, p := range s.batches {
		p.Bytes = nil
	}
	s.fronts = nil
}

// check panics if a batch in the file is not what Append was given: somebody has used its memory again before it had its result.
func (s *sealed) check(body []byte) {
	for n, b := range s.commit.Batches {
		laid := batch.Batch(body[b.Pos:][:b.Len])
		invariant.Check(laid.CRC() == s.batches[n].sum && laid.ComputeCRC() == laid.CRC(),
			"a batch of partition %d came with checksum %08x; in the file it bears %08x and has %08x", b.Partition, s.batches[n].sum, laid.CRC(), laid.ComputeCRC())
	}
}

// besides reports whether both are of one partition.
func (p *pending) besides(q *pending) bool { return p.Partition == q.Partition && p.Topic == q.Topic }

// byPlace sorts the batches of a segment by topic, in the order of their numbers, and partition. Those of a partition stay in their
// order. So deciding and applying them, and reading them, is cheapest; and what merges reads of partitions that follow each other
// lies side by side.
func byPlace(batches []*pending, number func(base.TopicID) uint32) []*pending {
	// Sorted are numbers, which takes a tenth of the time: of the topic, the partition and the batch.
	const batchBits, partitionBits = 16, 32
	places, topics, topic := make([]uint64, len(batches)), ranks(batches, number), uint64(0)
	for n, p := range batches {
		if n == 0 || p.Topic != batches[n-1].Topic {
			topic = topics[p.Topic]
		}
		places[n] = topic<<(partitionBits+batchBits) | uint64(uint32(p.Partition))<<batchBits | uint64(n)
	}
	slices.Sort(places)
	sorted := make([]*pending, len(batches))
	for n, place := range places {
		sorted[n] = batches[place&(1<<batchBits-1)]
	}
	return sorted
}

// ranks numbers the topics of batches from 0 on, in the order of their numbers.
func ranks(batches []*pending, number func(base.TopicID) uint32) map[base.TopicID]uint64 {
	all, ranks := []uint64{}, map[base.TopicID]uint64{} // all: the topic's number, and that of a batch of it
	for n, p := range batches {
		if n > 0 && p.Topic == batches[n-1].Topic {
			continue
		}
		if _, known := ranks[p.Topic]; !known {
			ranks[p.Topic] = 0
			all = append(all, uint64(number(p.Topic))<<32|uint64(n))
		}
	}
	slices.Sort(all)
	for rank, x := range all {
		ranks[batches[uint32(x)].Topic] = uint64(rank)
	}
	return ranks
}

// topicNumber gives the number of a topic, or the highest if there is none any more.
func (i *Ingest) topicNumber() func(base.TopicID) uint32 {
	state := i.journal.View().Log
	return func(id base.TopicID) uint32 {
		if t, ok := state.TopicByID(id); ok {
			return t.Number
		}
		return math.MaxUint32
	}
}

// A segment's batches, and so its topics, are counted in 16 bits.
const _ = uint16(MaxSegmentBatches)

func (p *pending) describe(pos uint32) log.Batch {
	b := log.Batch{Topic: p.Topic, Partition: p.Partition, Pos: pos, Len: uint32(len(p.Bytes)), Count: p.Info.Count,
		MaxTimestamp: p.Info.MaxTimestamp, ProducerID: p.Info.ProducerID}
	if b.ProducerID >= 0 {
		b.Epoch, b.BaseSequence = p.Info.Epoch, p.Info.BaseSequence
	}
	return b
}

// tokens is a budget that fills with time.
type tokens struct {
	have float64
	at   time.Time
}

func (t *tokens) refill(now time.Time, perSecond, most float64) {
	t.have = min(most, t.have+perSecond*now.Sub(t.at).Seconds())
	t.at = now
}

var errStopping = base.Errorf(base.Stopping, "the agent is stopping")

// sealer seals the open segment when it is time.
func (i *Ingest) sealer() {
	for {
		// A place among the uploads comes first: while all are taken, the open segment goes on filling.
		if i.uploads.Acquire(1, time.Time{}) != nil {
			return
		}
		s := i.awaitSeal()
		if s == nil {
			return
		}
		s.batches = byPlace(s.batches, i.topicNumber())
		i.foresight.foresee(s, i.journal.View)
		if !i.stop.Go("ingest upload", func() { i.uploadSegment(s) }) {
			s.upload.done.Set(struct{}{}, errStopping)
		}
		if i.commits.Push(s, time.Time{}) != nil {
			_, _ = s.upload.done.Wait(time.Time{}) // it is cut short; until then the segment is the upload's
			i.uploadFailed(s, errStopping)
			return
		}
	}
}

// awaitSeal waits until the open segment is to be sealed, and seals it; nil when ingest has ended.
func (i *Ingest) awaitSeal() *sealed {
	i.mu.Lock()
	defer i.mu.Unlock()
	for {
		if i.stop.Stopped() {
			return nil
		}
		now := i.env.Now()
		i.expireParked(now)
		due, at := i.due(now)
		if due {
			return i.sealNow(now)
		}
		i.wake.Wait(at)
	}
}

// due says whether the open segment is to be sealed now, or when to look again. i.mu is held.
func (i *Ingest) due(now time.Time) (bool, time.Time) {
	o := i.open
	at := i.expiry // it may be that of one that is not parked any more
	if len(o.batches) == 0 {
		return false, at
	}
	timeout := o.batches[0].at.Add(i.config.BatchTimeout)
	if i.stopping || o.bytes >= i.config.BatchBytes || len(o.batches) >= MaxSegmentBatches || !now.Before(timeout) {
		return true, at
	}
	quiet := o.last.Add(i.config.BatchTimeout / earlyFraction)
	i.puts.refill(now, EarlyPutsPerSecond, putsBurst)
	if o.bytes >= lastBytes || o.bytes >= EarlyBytes && i.puts.have >= 2 {
		quiet = now // as far as the budget allows
	}
	if i.puts.have < 1 {
		quiet = later(quiet, now.Add(time.Duration((1-i.puts.have)/EarlyPutsPerSecond*float64(time.Second))))
	}
	if !now.Before(quiet) {
		return true, at
	}
	return false, earlier(at, earlier(timeout, quiet))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier takes the zero time for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (i *Ingest) sealNow(now time.Time) *sealed {
	i.puts.refill(now, EarlyPutsPerSecond, putsBurst)
	i.puts.have = max(0, i.puts.have-1)
	i.sealedNo++
	s := &sealed{number: i.sealedNo, ref: base.FileRef{Store: i.config.Store, ID: base.MakeULID(i.journal.Now(), i.env.Uint64(), i.env.Uint64())}, batches: i.open.cut(i.config.BatchBytes)}
	s.upload.init(i.env)
	return s
}
