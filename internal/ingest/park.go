package ingest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// producerKey is one idempotent producer in one partition.
type producerKey struct {
	topic base.TopicID
	index int32
	id    int64
}

func (p *pending) producer() (producerKey, bool) {
	return producerKey{p.Topic, p.Partition, p.Info.ProducerID}, p.Info.ProducerID >= 0
}

// tail is what is under way of a producer in a partition, or was last: the epoch and sequence number that would follow it. One of which
// nothing is under way is kept as long as all of it was appended: then there is no need to ask the View for what follows.
type tail struct {
	epoch   int16
	next    int32
	left    int  // batches without a verdict
	refused bool // some batch was
}

// tailsKept is how many tails there may be before those of which nothing is under way are let go of: 4 MiB or so. Five thousand partitions
// and a handful of producers stay below.
const tailsKept = 1 << 15

// tailReach is how far what was last may be from a batch to say anything of it: sequence numbers come round (see ahead).
const tailReach = 1 << 20

// parked is a batch that waits for its predecessor.
type parked struct {
	*pending
	until time.Time
}

// add takes a batch that came now into the open segment, or parks it (false). i.mu is held.
func (i *Ingest) add(p *pending, now time.Time) bool {
	k, idempotent := p.producer()
	if !idempotent {
		i.open.add(p, now)
		return true
	}
	t := i.tailOf(k, p)
	if !i.fits(k, t, p) && i.parkedNo < parkedMax && i.parkedBytes+len(p.Bytes) <= parkedBytesMax {
		i.counts.parked.Add(1)
		i.parkedNo++
		i.parkedBytes += len(p.Bytes)
		until := now.Add(parkFor)
		i.expiry = earlier(i.expiry, until)
		i.parked[k] = append(i.parked[k], &parked{p, until})
		slices.SortStableFunc(i.parked[k], func(a, b *parked) int {
			return cmp.Or(cmp.Compare(a.Info.Epoch, b.Info.Epoch), int(ahead(a.Info.BaseSequence, b.Info.BaseSequence)))
		})
		return false
	}
	i.take(k, t, p, now)
	i.unpark(k, false)
	return true
}

// ahead tells by how much sequence number a is ahead of b (behind, if negative). They count from 0 to the highest int32
// and then again from 0, and no two at hand are half of that apart.
func ahead(a, b int32) int32 {
	const half = 1 << 30
	return int32((uint32(a)-uint32(b)+half)&(2*half-1)) - half
}

// take puts a batch of an idempotent producer, whose tail may be nil, into the open segment.
func (i *Ingest) take(k producerKey, t *tail, p *pending, now time.Time) {
	i.hold(k, t, p)
	i.open.add(p, now)
}

// hold counts a batch among those under way of its producer.
func (i *Ingest) hold(k producerKey, t *tail, p *pending) {
	next := batch.NextSequence(p.Info.BaseSequence, p.Info.Count)
	switch {
	case t == nil:
		t = i.newTail(k)
		t.epoch, t.next = p.Info.Epoch, next
	case p.Info.Epoch > t.epoch, p.Info.Epoch == t.epoch && ahead(next, t.next) > 0:
		t.epoch, t.next = p.Info.Epoch, next // a repeat of what is under way, or was, does not move it back
	}
	t.left++
	p.tail = t
}

// tailOf gives what is under way of a batch's producer, or was last; nil if there is nothing, or nothing that says anything of this batch.
func (i *Ingest) tailOf(k producerKey, p *pending) *tail {
	t := i.tails[k]
	if t == nil || t.left > 0 || t.epoch != p.Info.Epoch {
		return t
	}
	if far := ahead(p.Info.BaseSequence, t.next); far < -tailReach || far > tailReach {
		delete(i.tails, k) // much came through other agents since
		return nil
	}
	return t
}

// newTail makes a producer's tail, and room for it.
func (i *Ingest) newTail(k producerKey) *tail {
	if len(i.tails) >= i.sweepAt {
		maps.DeleteFunc(i.tails, func(_ producerKey, t *tail) bool { return t.left == 0 })
		i.sweepAt = max(tailsKept, 2*len(i.tails)) // so that what is looked at is half of what came since
	}
	t := &tail{}
	i.tails[k] = t
	return t
}

// fits reports whether nothing is known to be missing before the batch: by what is under way here or was last, else by the View. What was
// last tells only that something is there: another agent may have appended since.
func (i *Ingest) fits(k producerKey, t *tail, p *pending) bool {
	if t != nil {
		fits := p.Info.Epoch < t.epoch || p.Info.Epoch == t.epoch && ahead(p.Info.BaseSequence, t.next) <= 0 ||
			p.Info.Epoch > t.epoch && p.Info.BaseSequence == 0
		if fits || t.left > 0 {
			return fits
		}
	}
	_, part, ok := i.journal.View().Log.PartitionOf(k.topic, k.index)
	if !ok {
		return true // the journal says what is wrong
	}
	known := part.Producer(k.id)
	if known == nil {
		return p.Info.BaseSequence == 0
	}
	verdict, _ := known.Judge(p.Info.Epoch, p.Info.BaseSequence, p.Info.Count)
	return verdict != log.SequenceGap
}

// unpark takes parked batches of k that fit by now, or all of them.
func (i *Ingest) unpark(k producerKey, all bool) {
	for len(i.parked[k]) > 0 {
		p := i.parked[k][0]
		t := i.tailOf(k, p.pending)
		if !all && !i.fits(k, t, p.pending) {
			return
		}
		i.remove(k)
		i.take(k, t, p.pending, i.env.Now())
	}
}

// remove takes the first parked batch of k out.
func (i *Ingest) remove(k producerKey) {
	i.parkedNo--
	i.parkedBytes -= len(i.parked[k][0].Bytes)
	i.parked[k] = i.parked[k][1:]
	if len(i.parked[k]) == 0 {
		delete(i.parked, k)
	}
}

// expireParked lets batches that waited long enough through as they are. It looks at none before one has: it is called for every
// batch that comes. i.mu is held.
func (i *Ingest) expireParked(now time.Time) {
	if i.expiry.IsZero() || now.Before(i.expiry) {
		return
	}
	for _, k := range i.parkedKeys() {
		for slices.ContainsFunc(i.parked[k], func(p *parked) bool { return !now.Before(p.until) }) {
			// The one with the lowest number goes first, though another may have waited longer.
			p := i.parked[k][0]
			i.remove(k)
			i.take(k, i.tailOf(k, p.pending), p.pending, now)
			i.unpark(k, false)
		}
	}
	i.expiry = time.Time{}
	for _, list := range i.parked {
		for _, p := range list {
			i.expiry = earlier(i.expiry, p.until)
		}
	}
}

// look has predecessors looked for. One search at a time serves all that began to wait before it.
func (i *Ingest) look() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.looking {
		i.lookMore = true
		return
	}
	i.looking = i.stop.Go("ingest barrier", i.lookForPredecessors)
}

// lookForPredecessors reads the journal's end: what is missing may have come through another agent. Without an answer the
// batches stay parked until their time is over.
func (i *Ingest) lookForPredecessors() {
	for again := true; again; {
		_, err := i.journal.Barrier(i.env.Now().Add(parkFor))
		again = i.looked(err == nil)
	}
}

// looked takes note of a search, and tells whether there is need of another.
func (i *Ingest) looked(found bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if found {
		i.retryParked()
	}
	again := i.lookMore && len(i.parked) > 0 && !i.stop.Stopped()
	i.looking, i.lookMore = again, false
	return again
}

// changed looks at parked batches again after a publication.
func (i *Ingest) changed(control.Change) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.parked) > 0 {
		i.retryParked()
	}
}

func (i *Ingest) retryParked() {
	for _, k := range i.parkedKeys() {
		i.unpark(k, false)
	}
	i.wake.Broadcast()
}

// parkedKeys lists whose batches are parked, in a fixed order.
func (i *Ingest) parkedKeys() []producerKey {
	keys := make([]producerKey, 0, len(i.parked))
	for k := range i.parked {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b producerKey) int {
		return cmp.Or(bytes.Compare(a.topic[:], b.topic[:]), cmp.Compare(a.index, b.index), cmp.Compare(a.id, b.id))
	})
	return keys
}

// settle notes that batches have their verdicts, of which there may be fewer: then they were refused. From now on the View holds them.
func (i *Ingest) settle(batches []*pending, verdicts []log.BatchReply) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, p := range batches {
		t := p.tail
		if t == nil {
			continue // it is of no idempotent producer
		}
		t.left--
		t.refused = t.refused || n >= len(verdicts) || verdicts[n].Kind != base.OK
		if t.left == 0 && t.refused { // what follows may find nothing before it
			k, _ := p.producer()
			delete(i.tails, k)
		}
	}
}
