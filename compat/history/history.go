package history

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// History takes what clients tell as they tell it, from any number of goroutines.
type History struct {
	mu sync.Mutex
	violations
	pulses

	copyTo     io.Writer // every event, as a line; nil for nobody
	partitions map[int32]*partition
	producers  map[string]*producer
	consumers  map[string]*consumer
	readers    map[string]*reader
	commits    map[groupPartition][]commit
	jumps      []jump
	notes      map[string]int // what clients were told that was not fatal, and how often
	acked      int
}

// partition is what all clients together know of one.
type partition struct {
	places    map[int64]*place
	somewhere map[Number]string // acknowledged to whom, without an offset
}

// place is what is known of an offset.
type place struct {
	number Number
	by     string // who was told so first
	acked  bool
	inLog  bool
}

// producer is what one told of itself.
type producer struct {
	ended  bool
	sent   int64 // to each partition
	failed bool  // it was told something fatal: what it sent then may be missing
}

// New makes an empty history. Every event is also written to copyTo, as a line, unless that is nil.
func New(copyTo io.Writer) *History {
	return &History{
		violations: violations{texts: map[Check][]string{}, more: map[Check]int{}},
		pulses:     newPulses(),
		copyTo:     copyTo, partitions: map[int32]*partition{}, producers: map[string]*producer{}, consumers: map[string]*consumer{},
		readers: map[string]*reader{}, commits: map[groupPartition][]commit{}, notes: map[string]int{},
	}
}

// Add takes an event; now is when it arrived.
func (h *History) Add(e Event, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.copyTo != nil {
		if line, err := json.Marshal(e); err == nil { // a copy for people; what does not come through is not judged by it
			_, _ = h.copyTo.Write(append(line, '\n'))
		}
	}
	switch e.Kind {
	case Ack:
		h.ack(e, now)
	case Poll:
		h.poll(e, now)
	case Assign:
		h.assign(e)
	case Revoke:
		h.revoke(e)
	case Commit:
		h.commit(e)
	case Error:
		h.told(e)
	case End: // a consumer's too: it has sent nothing
		p := h.producer(e.Client)
		p.ended, p.sent = true, e.Sent
	default:
		h.found(FatalError, "%s wrote an event of kind %q", e.Client, e.Kind)
	}
}

func (h *History) ack(e Event, now time.Time) {
	h.producer(e.Client)
	for _, r := range e.Records {
		if r.Offset == Somewhere {
			h.ackSomewhere(e.Client, r)
		} else if p := h.note(e.Client, r); p != nil && !p.acked {
			p.acked = true
			h.acked++
		}
		h.beat(pulse{"acks of " + e.Client, r.Partition}, now)
	}
}

func (h *History) ackSomewhere(client string, r Record) {
	n, err := ParseNumber(r.Value)
	if err != nil {
		h.found(Phantom, "%s was acknowledged %.100q in partition %d", client, r.Value, r.Partition)
		return
	}
	h.partition(r.Partition).somewhere[n] = client
	h.acked++
}

func (h *History) told(e Event) {
	if !e.Fatal {
		h.notes[e.Client+": "+e.Text]++
		return
	}
	h.found(FatalError, "%s was told: %s", e.Client, e.Text)
	h.producer(e.Client).failed = true
}

func (h *History) producer(name string) *producer {
	if h.producers[name] == nil {
		h.producers[name] = &producer{}
	}
	return h.producers[name]
}

func (h *History) partition(id int32) *partition {
	if h.partitions[id] == nil {
		h.partitions[id] = &partition{places: map[int64]*place{}, somewhere: map[Number]string{}}
	}
	return h.partitions[id]
}

// note takes what somebody was told of a place, and returns what is known of it; nil if the value is nobody's.
func (h *History) note(who string, r Record) *place {
	n, err := ParseNumber(r.Value)
	if err != nil {
		h.found(Phantom, "%s was told that partition %d offset %d holds %.100q", who, r.Partition, r.Offset, r.Value)
		return nil
	}
	places := h.partition(r.Partition).places
	known := places[r.Offset]
	if known == nil {
		known = &place{number: n, by: who}
		places[r.Offset] = known
	}
	if known.number != n {
		h.found(InconsistentOffsets, "partition %d offset %d: %s was told of %q, %s of %q", r.Partition, r.Offset, known.by, known.number, who, n)
		return nil
	}
	return known
}

// Acked is how many records were acknowledged.
func (h *History) Acked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acked
}

// Ended says whether a client ended in good order.
func (h *History) Ended(client string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.producers[client]
	return p != nil && p.ended
}

// Notes are what clients were told that was not fatal, and how often.
func (h *History) Notes() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	notes := map[string]int{}
	for text, times := range h.notes {
		notes[text] = times
	}
	return notes
}
