package fetch

import (
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// reading fills one answer.
type reading struct {
	f     *Fetch
	view  meta.View
	wants []Want
	byID  bool
	room  int64 // bytes that may still be added
	until time.Time
	out   []Fetched

	bytes     int64 // added so far
	records   int64 // in these
	batches   int64 // in these
	asTheyLay int64 // of these
	reserved  int64
	views     []cache.View // held until the answer is written
	copies    copies

	// What is being added: here, as it would be on the heap anyway, for each partition.
	look cache.View
	run  cache.Run
	full bool // no more partitions are read
}

// release gives back the memory of the answer.
func (r *reading) release() {
	for i := range r.views {
		r.views[i].Release()
	}
	r.views = nil
	if r.reserved > 0 {
		r.f.config.Memory.Release(r.reserved)
		r.reserved = 0
	}
	r.copies.free()
}

// spoiled is told that the answer could not be written because of a file it refers to. The client comes back; by then it is known which
// bytes are to blame.
func (r *reading) spoiled() {
	for i := range r.views {
		r.views[i].Discard()
	}
}

// detach copies what the answer refers to, where the cache is pressed: a client that reads slowly would keep whole spans
// from going, of which it was sent a little. Open files take little: what lies in them is copied only if they are what presses.
func (r *reading) detach() {
	if len(r.views) == 0 || !r.f.cache.Pressed() {
		return
	}
	if more := r.bytes - r.reserved; more > 0 { // a first batch that is larger than what was reserved
		if m := r.f.config.Memory; m == nil || more > m.Size() || !m.TryAcquire(more) {
			return
		}
		r.reserved += more
	}
	r.f.stats.detached.Add(1)
	r.own(false)
	if r.f.cache.Pressed() {
		r.own(true)
	}
}

// own makes the answer's bytes its own, with files set also those that lie in open files, and lets go of what they were in.
func (r *reading) own(files bool) {
	for i := range r.out {
		own, err := r.out[i].Records.Own(files)
		if err != nil {
			r.spoiled()
			own = nil // the next Fetch says why
		}
		r.out[i].Records = own
	}
	held := r.views[:0]
	for i := range r.views {
		if v := &r.views[i]; v.IsOpen() && !files {
			held = append(held, *v)
		} else {
			v.Release()
		}
	}
	r.views = held
}

// fill reads what the plan names.
func (r *reading) fill(p *Plan) {
	r.out = make([]Fetched, len(p.Parts))
	r.full = !r.reserve(p.Bytes)
	if r.room < p.Bytes { // all parts get their share of what is left
		*p = MakePlan(r.view.Log, r.wants, r.room, r.byID)
	}
	reads := r.reads(p)
	p.cut(r.prefetch(p, reads))
	for i := range p.Parts {
		part := &p.Parts[i]
		part.answer(&r.wants[i], &r.out[i])
		if part.first == part.last || r.full {
			continue
		}
		r.part(&r.out[i], part, &r.wants[i], reads[part.first:part.last])
	}
	r.detach()
}

// answerMin is the least that an answer may take however little is left. Such an answer is soon with its client, also on
// a slow line.
const answerMin = 64 << 10

// shareOf gives what may be taken of a budget by who asks for n bytes.
func shareOf(m *env.Semaphore, n int64) int64 {
	free := m.Free()
	return min(n, max(min(answerMin, m.Size()), int64(float64(free)/4*float64(free)/float64(m.Size()))))
}

// reserve takes memory for n bytes out of the budget, and limits the answer to it. The first answer takes a fourth of the
// budget at most, so that a large one does not wait for all others; the less is free, the smaller a share of that is taken:
// it takes more than a hundred clients that do not read to leave nothing for those that do. A first batch that is larger
// goes out all the same: its bytes are the cache's, which bounds them.
func (r *reading) reserve(n int64) bool {
	m := r.f.config.Memory
	if m == nil || n == 0 {
		return true
	}
	asked := n
	n = shareOf(m, n)
	if m.Acquire(n, r.until) != nil {
		return false
	}
	r.reserved = n
	if n < asked {
		r.room = min(r.room, n)
	}
	return true
}

// prefetch has what is planned loaded, and gives how many turns there is room for: one at least.
func (r *reading) prefetch(p *Plan, reads []cache.Read) int {
	if len(reads) == 0 {
		return 0
	}
	inTurn := make([]cache.Read, len(reads))
	for i, t := range p.rounds {
		inTurn[i] = reads[t.extent]
	}
	return max(1, r.f.cache.Prefetch(inTurn))
}

// reads says what the parts need of the cache.
func (r *reading) reads(p *Plan) []cache.Read {
	reads := make([]cache.Read, len(p.Extents))
	for i := range p.Parts {
		part := &p.Parts[i]
		offset, left := r.wants[i].Offset, part.Bytes
		for j := part.first; j < part.last; j++ {
			reads[j] = r.read(p.Extents[j], max(offset, p.Extents[j].Base), left)
			left = max(1, left-int64(p.Extents[j].Len))
		}
	}
	return reads
}

func (r *reading) read(x log.Extent, offset, bytes int64) cache.Read {
	at, _ := r.view.Log.Place(x)
	return cache.Read{
		Extent: cache.Extent{File: at.File, FileBytes: at.SizeBytes, Slot: at.Slot, Pos: at.Pos, Len: x.Len, Base: x.Base, Count: x.Count},
		Offset: offset, Bytes: int(bytes),
	}
}

// answer is what is told of a partition in any case.
func (part *Part) answer(w *Want, out *Fetched) {
	*out = Fetched{Topic: w.Topic, Partition: w.Partition, Kind: part.Kind, HighWatermark: part.End, LastStable: part.End,
		LogStart: part.Start, DivergingEpoch: part.DivergingEpoch, DivergingEnd: part.DivergingEnd}
}

// part reads one partition. What cannot be read is an error only where nothing could be: the next Fetch begins there.
func (r *reading) part(out *Fetched, part *Part, w *Want, reads []cache.Read) {
	err := r.extents(out, part, w, reads)
	r.copies.flush(out)
	moved := r.f.alarm.mayHaveMoved(err)
	if moved && len(out.Records) == 0 {
		err, moved = r.again(out, part, w), false
		r.copies.flush(out)
	}
	switch {
	case err == nil || moved: // the next Fetch looks again
		return
	case errors.Is(err, cache.ErrNoRoom):
		r.full = true
		return
	}
	r.f.stats.failed.Add(1)
	if len(out.Records) == 0 && out.Kind == base.OK {
		out.Kind = failure(err)
	}
	r.f.alarm.raise(err, "topic", nameOf(r.view, w.Topic), "partition", w.Partition, "offset", w.Offset)
}

// nameOf is a topic's name, or its id if it has none any more.
func nameOf(v meta.View, id base.TopicID) string {
	if t, ok := v.Log.TopicByID(id); ok {
		return t.Name
	}
	return id.String()
}

// failure is how clients are told of what cannot be read. Damaged bytes are CORRUPT_MESSAGE, as in Kafka where a log's record
// has a length that cannot be (CorruptRecordException in FileLogInputStream; Kafka's brokers leave the CRC to consumers, which
// fail there too): Java's consumer gives it to the application, which may seek past the damage (FetchCollector). All else, a
// missing file too, is KAFKA_STORAGE_ERROR, as what Kafka cannot read from its disk (LocalLog.maybeHandleIOException): clients
// try again, and go on by themselves once the bucket is restored.
func failure(err error) base.Kind {
	if base.KindOf(err) == base.CorruptMessage {
		return base.CorruptMessage
	}
	return base.StorageError
}

// again plans and reads a partition once more, by a new View: the file that held it is gone, because the log was
// trimmed or rewritten meanwhile. If it is gone still, it is lost.
func (r *reading) again(out *Fetched, part *Part, w *Want) error {
	v, err := r.f.journal.Barrier(r.until)
	if err != nil {
		return err
	}
	r.view = v
	plan := MakePlan(v.Log, []Want{*w}, r.room, r.byID)
	*part = plan.Parts[0]
	part.answer(w, out)
	one := reading{view: v, wants: []Want{*w}}
	return r.extents(out, part, w, one.reads(&plan))
}

// extents takes batches up to the limits.
func (r *reading) extents(out *Fetched, part *Part, w *Want, reads []cache.Read) error {
	left := min(int64(w.MaxBytes), r.room)
	for i := range reads {
		before := r.bytes
		more, err := r.extent(out, part, &reads[i], left)
		left -= r.bytes - before
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// extent takes batches of one extent, of left bytes at most; but the first batch of the answer in any case. more tells
// whether the limits allow more.
func (r *reading) extent(out *Fetched, part *Part, read *cache.Read, left int64) (more bool, err error) {
	for end := read.Base + int64(read.Count); read.Offset < end; {
		if left <= 0 && r.bytes > 0 {
			return false, nil
		}
		read.Bytes = int(max(1, min(int64(read.Bytes), left)))
		if r.look, r.run, err = r.f.cache.Next(*read, len(r.views) == 0, r.until); err != nil {
			return false, err
		}
		if more, err = r.take(out, part, &left); err != nil || !more {
			return false, err
		}
		read.Offset = r.run.End()
	}
	return left > 0, nil
}
