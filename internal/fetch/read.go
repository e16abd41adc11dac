package fetch

import (
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// reading fills one answer.
type reading struct {
	f      *Fetch
	view   meta.View
	wants  []Want
	byID   bool
	limits Limits
	until  time.Time
	out    []Fetched

	bytes     int64        // added so far
	looked    int64        // of these, when it was last looked whether it is late
	added     int          // extents
	memory    int64        // that the answer has by hold: all that it takes but a first batch for which there was none
	records   int64        // in these
	batches   int64        // in these
	asTheyLay int64        // of these
	reserved  int64        // memory
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

// fill reads what the plan names.
func (r *reading) fill(p *Plan) {
	r.out = make([]Fetched, len(p.Parts))
	r.relent(p)
	r.full = !r.reserve(p)
	reads := r.reads(p)
	r.cut(p, reads, r.prefetch(p, reads))
	strips := r.f.cache.Strips(reads, copyBelowOpen)
	defer strips.Close()
	for i := range p.Parts {
		part := &p.Parts[i]
		part.answer(&r.wants[i], &r.out[i])
		if part.first == part.last || r.full {
			continue
		}
		r.part(&r.out[i], part, &r.wants[i], reads[part.first:part.last])
	}
	if !r.limits.Files {
		r.detach()
	}
}

// cut leaves out all reads from a turn on.
func (r *reading) cut(p *Plan, reads []cache.Read, from int) {
	for _, t := range p.rounds[from:] {
		reads[t.extent] = cache.Read{}
	}
	p.cut(from)
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
			left = max(1, left-remaining(p.Extents[j], offset))
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
	left := r.limits
	left.Bytes -= r.bytes
	plan := MakePlan(v.Log, []Want{*w}, left, r.byID)
	*part = plan.Parts[0]
	part.answer(w, out)
	one := reading{view: v, wants: []Want{*w}}
	return r.extents(out, part, w, one.reads(&plan))
}

// After how many more extents or bytes it is looked whether an answer is late: to look at the clock takes as long as to add a short extent.
const lateExtents, lateBytes = 4, 64 << 10

// isLate reports whether an answer that has something is to go out: where files are open, looking at their batches for the first time has no
// other deadline.
func (r *reading) isLate() bool {
	if r.added++; r.added%lateExtents != 0 && r.bytes < r.looked+lateBytes || r.bytes == 0 {
		return false
	}
	r.looked = r.bytes
	return !r.f.env.Now().Before(r.until)
}

// extents takes batches up to the limits.
func (r *reading) extents(out *Fetched, part *Part, w *Want, reads []cache.Read) error {
	left := min(int64(w.MaxBytes), r.limits.Bytes-r.bytes)
	for i := range reads {
		if r.strains() || r.isLate() {
			r.full = true
			return nil
		}
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
		before := r.bytes
		more, err = r.take(out, part, left)
		if left -= r.bytes - before; err != nil || !more {
			return false, err
		}
		read.Offset = r.run.End()
	}
	return left > 0, nil
}
