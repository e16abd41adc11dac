package ingest

import (
	"sync"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// foresight tells which offsets batches will probably get, so that they are written with these and can be sent as they lie
// (docs/rfcs/0004-foreseen-offsets.md). It may be wrong, and is where a batch is refused, its upload fails, or another agent appends to the
// same partition meanwhile: whoever reads a batch looks at what it bears.
type foresight struct {
	mu    sync.Mutex
	parts map[base.PartitionKey]outlook // those with batches under way
}

// outlook is a partition of which batches are under way: sealed, and without a verdict.
type outlook struct {
	end     int64 // of the log when nothing was under way, then as verdicts tell
	records int64 // under way
	batches int32 // under way
	epoch   int32 // leader epoch
}

// foresee writes the fronts of a segment's batches, which are in the order of their places, and counts them as under way. It is called
// in seal order.
func (f *foresight) foresee(s *sealed, view func() meta.View) {
	s.fronts = make([]byte, len(s.batches)*batch.FrontSize)
	f.mu.Lock()
	defer f.mu.Unlock()
	state := view().Log // now: it holds all that was settled
	var topic *log.Topic
	for from, to := 0, 0; from < len(s.batches); from = to {
		first := s.batches[from]
		to = s.partFrom(from)
		if topic == nil || topic.ID != first.Topic {
			topic, _ = state.TopicByID(first.Topic)
		}
		key, a, ok := f.of(state, topic, first.Partition)
		if !ok {
			for n := from; n < to; n++ {
				copy(s.front(n), s.batches[n].Bytes)
			}
			continue
		}
		for n := from; n < to; n++ {
			p := s.batches[n]
			p.key = key
			batch.PutFront(s.front(n), a.end+a.records, uint32(len(p.Bytes)), a.epoch)
			a.records += int64(p.Info.Count)
		}
		a.batches += int32(to - from)
		f.parts[key] = a
	}
}

// of gives what is under way of a partition, or where its log ends; false: there is no such partition. topic may be nil.
func (f *foresight) of(state *log.State, topic *log.Topic, index int32) (base.PartitionKey, outlook, bool) {
	if topic == nil || index < 0 || index >= topic.Partitions {
		return 0, outlook{}, false
	}
	key := base.KeyOf(topic.Number, index)
	if a, ok := f.parts[key]; ok {
		return key, a, true
	}
	p, ok := state.Partition(key)
	if !ok {
		return 0, outlook{}, false
	}
	return key, outlook{end: p.End, epoch: p.Epoch}, true
}

// settle notes that batches of a segment are no longer under way. Those of verdicts tell where the log ends by now: without them one
// wrong guess would be handed on for as long as something is under way. Batches that were not foreseen are passed over.
func (f *foresight) settle(batches []*pending, verdicts []log.BatchReply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for from, to := 0, 0; from < len(batches); from = to {
		key := batches[from].key
		a := f.parts[key]
		for to = from; to < len(batches) && batches[to].key == key; to++ {
			count := int64(batches[to].Info.Count)
			a.records -= count
			a.batches--
			// What lies before the end was there already: the batch is a repeat.
			if to < len(verdicts) && verdicts[to].Kind == base.OK && verdicts[to].Base >= a.end {
				a.end = verdicts[to].Base + count
			}
		}
		switch {
		case key == 0:
		case a.batches == 0:
			delete(f.parts, key) // from now on the View speaks for it
		default:
			f.parts[key] = a
		}
	}
}
