package history

import (
	"math/bits"
	"time"
)

// consumer is one client that reads.
type consumer struct {
	reader    string // whose reading its polls are: the group's, or its own
	group     string
	positions map[int32]*position
}

// position is where a consumer is in a partition that it has.
type position struct {
	begun  bool
	last   int64       // offset of the last record it was given; one before the first it shall be given
	opened *assignment // of a group, until it has given a record
}

// assignment is a partition in the hands of a group's member.
type assignment struct {
	client string
	at     int64 // Event.At
	first  int64 // offset of the first record it gave
}

// jump is a step over offsets, judged once all is known: were there records between?
type jump struct {
	check     Check
	client    string
	partition int32
	from, to  int64 // offsets given one after the other
}

// reader is a consumer with fixed partitions, or a group: whoever must be given everything.
type reader struct {
	seen map[int32]*offsets
}

// offsets is a set of offsets.
type offsets struct{ words map[int64]uint64 }

const wordBits = 64

func (o *offsets) add(at int64) { o.words[at/wordBits] |= 1 << (at % wordBits) }
func (o *offsets) has(at int64) bool {
	return o != nil && o.words[at/wordBits]&(1<<(at%wordBits)) != 0
}

func (o *offsets) count() (n int) {
	for _, word := range o.words {
		n += bits.OnesCount64(word)
	}
	return n
}

func (h *History) consumer(e Event) *consumer {
	c := h.consumers[e.Client]
	if c == nil {
		c = &consumer{reader: e.Client, group: e.Group, positions: map[int32]*position{}}
		if e.Group != "" {
			c.reader = "group " + e.Group
		}
		h.consumers[e.Client] = c
		if h.readers[c.reader] == nil {
			h.readers[c.reader] = &reader{seen: map[int32]*offsets{}}
		}
	}
	return c
}

func (h *History) assign(e Event) {
	c := h.consumer(e)
	for _, r := range e.Records {
		p := &position{}
		if r.Offset == Committed {
			p.opened = &assignment{client: e.Client, at: e.At}
		} else {
			p.begun, p.last = true, r.Offset-1
		}
		c.positions[r.Partition] = p
	}
}

func (h *History) revoke(e Event) {
	c := h.consumer(e)
	for _, r := range e.Records {
		delete(c.positions, r.Partition)
	}
}

func (h *History) poll(e Event, now time.Time) {
	c := h.consumer(e)
	inThisPoll := map[int32]bool{}
	for _, r := range e.Records {
		if r.Offset < 0 {
			h.found(InconsistentOffsets, "%s was given %q at offset %d", e.Client, r.Value, r.Offset)
			continue
		}
		h.note(e.Client, r)
		h.step(e, c, r, inThisPoll[r.Partition])
		inThisPoll[r.Partition] = true
		seen := h.readers[c.reader].seen
		if seen[r.Partition] == nil {
			seen[r.Partition] = &offsets{words: map[int64]uint64{}}
		}
		seen[r.Partition].add(r.Offset)
		h.beat(pulse{"polls of " + c.reader, r.Partition}, now)
	}
}

// step moves a consumer to a record that it was given; within says that it is not the partition's first of this poll.
func (h *History) step(e Event, c *consumer, r Record, within bool) {
	p := c.positions[r.Partition]
	if p == nil { // nobody told of the assignment: only what follows can be judged
		p = &position{}
		c.positions[r.Partition] = p
	}
	if p.opened != nil {
		p.opened.first = r.Offset
		h.openedAt(c.group, r.Partition, *p.opened)
		p.opened = nil
	}
	back, skip := ExtNonmonotonicPoll, ExtPollSkip
	if within {
		back, skip = IntNonmonotonicPoll, IntPollSkip
	}
	switch {
	case !p.begun:
	case r.Offset <= p.last:
		h.found(back, "%s was given partition %d offset %d after offset %d", e.Client, r.Partition, r.Offset, p.last)
	case r.Offset > p.last+1:
		h.jumps = append(h.jumps, jump{skip, e.Client, r.Partition, p.last, r.Offset})
	}
	p.begun, p.last = true, r.Offset
}

// Seen is how many records a reader was given: a client with fixed partitions by its name, or "group NAME".
func (h *History) Seen(reader string) (count int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.readers[reader]; r != nil {
		for _, o := range r.seen {
			count += o.count()
		}
	}
	return count
}
