package history

import (
	"maps"
	"slices"
)

// FinalReader is the client whose polls are the log: it reads every partition from its start after all others ended.
const FinalReader = "final reader"

// Verify returns everything that is wrong. log is what the final reader was given, in its order; readers are the clients
// and groups that must have been given all of it, by the names that Seen takes.
func (h *History) Verify(log []Record, readers []string) []Violation {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readLog(log)
	for _, id := range slices.Sorted(maps.Keys(h.partitions)) {
		places := h.partitions[id].places
		h.judgeSomewhere(id, places)
		order := slices.Sorted(maps.Keys(places))
		h.judgePlaces(id, places, order)
		h.judgeHoles(id, order)
		h.judgeOrder(id, places, order)
		h.judgeGaps(id, places, order)
		for _, name := range readers {
			h.judgeSeen(id, name, places, order)
		}
	}
	h.judgeJumps()
	h.judgeCommits()
	return h.list()
}

// readLog takes the log as the polls of one more consumer, which began at offset 0 of every partition.
func (h *History) readLog(log []Record) {
	e := Event{Client: FinalReader}
	c := h.consumer(e)
	for _, r := range log {
		if c.positions[r.Partition] == nil {
			c.positions[r.Partition] = &position{begun: true, last: -1}
		}
		if p := h.note(FinalReader, r); p != nil {
			p.inLog = true
		}
		h.step(e, c, r, false)
	}
}

// judgePlaces: what was acknowledged or given to somebody is in the log, at that offset and at no other.
func (h *History) judgePlaces(id int32, places map[int64]*place, order []int64) {
	inLog := map[Number]int64{}
	for _, at := range order {
		p := places[at]
		if !p.inLog {
			continue
		}
		if first, twice := inLog[p.number]; twice {
			h.found(Duplicate, "partition %d has %q at offsets %d and %d", id, p.number, first, at)
			continue
		}
		inLog[p.number] = at
	}
	for _, at := range order {
		p := places[at]
		logged, somewhere := inLog[p.number]
		switch {
		case p.inLog:
		case somewhere:
			h.found(InconsistentOffsets, "partition %d: %s was told of %q at offset %d, the log has it at %d", id, p.by, p.number, at, logged)
		case p.acked:
			h.found(LostWrite, "partition %d: %q was acknowledged at offset %d and is not in the log", id, p.number, at)
		default:
			h.found(InconsistentOffsets, "partition %d: %s was given %q at offset %d, the log does not have it", id, p.by, p.number, at)
		}
		h.judgeSender(id, p.number)
	}
}

// judgeSomewhere: what was acknowledged without an offset is in the log.
func (h *History) judgeSomewhere(id int32, places map[int64]*place) {
	missing := maps.Clone(h.partitions[id].somewhere)
	for _, p := range places {
		if p.inLog {
			delete(missing, p.number)
		}
	}
	for n, client := range missing {
		h.found(LostWrite, "partition %d: %q was acknowledged to %s and is not in the log", id, n, client)
	}
}

// judgeSender: somebody has sent that record.
func (h *History) judgeSender(id int32, n Number) {
	switch p := h.producers[n.Producer]; {
	case p == nil:
		h.found(Phantom, "partition %d has %q of a producer that there is not", id, n)
	case p.ended && n.Index >= p.sent:
		h.found(Phantom, "partition %d has %q of a producer that sent %d records", id, n, p.sent)
	}
}

// judgeHoles: no transactions, no compaction, no deletion: every offset below another holds a record.
func (h *History) judgeHoles(id int32, order []int64) {
	next := int64(0)
	for _, at := range order {
		if at > next {
			h.found(LostWrite, "partition %d: nobody was ever given offsets %d to %d, somebody was offset %d", id, next, at-1, at)
		}
		next = at + 1
	}
}

// judgeOrder: offsets are in the order of sending, of what was acknowledged and of what is in the log.
func (h *History) judgeOrder(id int32, places map[int64]*place, order []int64) {
	type passed struct {
		number Number
		at     int64
	}
	latest := map[string]passed{}
	for _, at := range order {
		n := places[at].number
		before, any := latest[n.Producer]
		if any && n.Index < before.number.Index {
			check := ExtNonmonotonicSend
			if n.Operation == before.number.Operation {
				check = IntNonmonotonicSend
			}
			h.found(check, "partition %d: %q is at offset %d, %q, sent before it, at %d", id, before.number, before.at, n, at)
			continue
		}
		latest[n.Producer] = passed{n, at}
	}
}

// judgeGaps: an idempotent producer that gave nothing up has no record behind a missing one.
func (h *History) judgeGaps(id int32, places map[int64]*place, order []int64) {
	there := map[string]map[int64]bool{}
	for _, at := range order {
		if n := places[at].number; places[at].inLog {
			if there[n.Producer] == nil {
				there[n.Producer] = map[int64]bool{}
			}
			there[n.Producer][n.Index] = true
		}
	}
	for name, indices := range there {
		if p := h.producers[name]; p != nil && p.failed {
			continue
		}
		last := slices.Max(slices.Collect(maps.Keys(indices)))
		for i := range last {
			if !indices[i] {
				h.found(Gap, "partition %d has record %d of %s, and not record %d", id, last, name, i)
				break
			}
		}
	}
}

// judgeSeen: a reader was given everything that is in the log.
func (h *History) judgeSeen(id int32, name string, places map[int64]*place, order []int64) {
	var seen *offsets
	if r := h.readers[name]; r != nil {
		seen = r.seen[id]
	}
	missed, first := 0, int64(0)
	for _, at := range order {
		if places[at].inLog && !seen.has(at) {
			if missed == 0 {
				first = at
			}
			missed++
		}
	}
	if missed > 0 {
		h.found(Unseen, "%s was never given %d records of partition %d, the first at offset %d", name, missed, id, first)
	}
}

// judgeJumps: a step over offsets is wrong if anybody knows of a record there.
func (h *History) judgeJumps() {
	orders := map[int32][]int64{}
	for _, j := range h.jumps {
		if orders[j.partition] == nil {
			orders[j.partition] = slices.Sorted(maps.Keys(h.partition(j.partition).places))
		}
		order := orders[j.partition]
		next, _ := slices.BinarySearch(order, j.from+1)
		if at := order[next]; at < j.to { // j.to itself is a known place, so there is one
			h.found(j.check, "%s was given partition %d offset %d after offset %d, and not what lies between: %q at offset %d",
				j.client, j.partition, j.to, j.from, h.partition(j.partition).places[at].number, at)
		}
	}
}
