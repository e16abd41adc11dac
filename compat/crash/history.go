package crash

import (
	"fmt"
	"sort"
	"sync"
	"time"
)

// history is what clients saw, in one place: acknowledgements, records delivered by consumers, errors. It decides
// nothing until the end, when verify compares it with the log as a fresh reader finds it.
type history struct {
	mu       sync.Mutex
	acked    map[place]number          // what was acknowledged, and where
	assigned map[int32][]int64         // offsets a reader of fixed partitions was given, in the order it got them
	seen     map[string]map[place]bool // what each kind of reader was given at least once
	wrong    []string                  // what was seen to be wrong while it happened
	errors   []error                   // what clients were told
	pulses   map[pulse]time.Time       // when something last moved
	silences map[pulse]time.Duration   // the longest time nothing moved
	contents map[place]number          // of every record any reader was given
}

// place is where a record lies; number is which one it is: producers number their records for each partition from 0.
type place struct {
	partition int32
	offset    int64
}
type number struct {
	producer int
	index    int64
}

// pulse is something that should not stand still for long: acknowledgements or deliveries of one partition.
type pulse struct {
	what      string
	partition int32
}

func newHistory() *history {
	return &history{
		acked: map[place]number{}, assigned: map[int32][]int64{}, seen: map[string]map[place]bool{},
		pulses: map[pulse]time.Time{}, silences: map[pulse]time.Duration{}, contents: map[place]number{},
	}
}

// ack notes that a record was acknowledged.
func (h *history) ack(at place, n number, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if before, taken := h.acked[at]; taken {
		h.wrong = append(h.wrong, fmt.Sprintf("inconsistent-offsets: %v and %v were both acknowledged at %v", before, n, at))
	}
	h.acked[at] = n
	h.beat(pulse{"acks", at.partition}, now)
}

// deliver notes that a reader was given a record.
func (h *history) deliver(reader string, at place, n number, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if before, known := h.contents[at]; known && before != n {
		h.wrong = append(h.wrong, fmt.Sprintf("inconsistent-offsets: readers were given %v and %v at %v", before, n, at))
	}
	h.contents[at] = n
	if h.seen[reader] == nil {
		h.seen[reader] = map[place]bool{}
	}
	h.seen[reader][at] = true
	if reader == readerAssigned {
		h.assigned[at.partition] = append(h.assigned[at.partition], at.offset)
	}
	h.beat(pulse{reader, at.partition}, now)
}

// fail notes an error that a client was told.
func (h *history) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errors = append(h.errors, err)
}

func (h *history) beat(p pulse, now time.Time) {
	if last, ok := h.pulses[p]; ok {
		h.silences[p] = max(h.silences[p], now.Sub(last))
	}
	h.pulses[p] = now
}

// fromHere forgets the silences so far and begins to measure: what has not moved from now on is silent since now.
func (h *history) fromHere(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.silences)
	for p := range h.pulses {
		h.pulses[p] = now
	}
}

// longest returns the longest silence of each kind since fromHere; what is silent still counts up to now.
func (h *history) longest(now time.Time) map[string]time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	longest := map[string]time.Duration{}
	for p, last := range h.pulses {
		longest[p.what] = max(longest[p.what], h.silences[p], now.Sub(last))
	}
	return longest
}

// allMovedAfter says whether everything that ever moved has moved after that time.
func (h *history) allMovedAfter(then time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, last := range h.pulses {
		if !last.After(then) {
			return false
		}
	}
	return true
}

// reached says whether a kind of reader was given something at every offset below the ends.
func (h *history) reached(reader string, ends map[int32]int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	var want int
	for _, end := range ends {
		want += int(end)
	}
	return len(h.seen[reader]) >= want
}

const (
	readerAssigned = "assigned reader"
	readerGroup    = "group"
)

// verify returns everything that is wrong, given the log of each partition as a fresh reader found it from offset 0 on.
func (h *history) verify(log map[int32][]number) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	wrong := append([]string(nil), h.wrong...)
	found := func(kind, format string, args ...any) {
		wrong = append(wrong, kind+": "+fmt.Sprintf(format, args...))
	}
	lookup := func(at place) (number, bool) {
		if part := log[at.partition]; at.offset < int64(len(part)) {
			return part[at.offset], true
		}
		return number{}, false
	}
	for at, n := range h.acked {
		if got, there := lookup(at); !there || got != n {
			found("lost-write", "%v was acknowledged at %v, where the log has %v (there: %v)", n, at, got, there)
		}
	}
	for at, n := range h.contents {
		if got, there := lookup(at); !there || got != n {
			found("inconsistent-offsets", "a reader was given %v at %v, where the log has %v (there: %v)", n, at, got, there)
		}
	}
	for partition, part := range log {
		last := map[int]int64{}
		for offset, n := range part {
			before, any := last[n.producer]
			switch {
			case !any && n.index != 0, any && n.index > before+1:
				found("gap", "partition %d offset %d: %v follows index %d", partition, offset, n, before)
			case any && n.index <= before:
				found("duplicate or reorder", "partition %d offset %d: %v follows index %d", partition, offset, n, before)
			}
			last[n.producer] = n.index
		}
	}
	for partition, offsets := range h.assigned {
		for i, offset := range offsets {
			if offset != int64(i) {
				found("poll-skip", "the reader of partition %d got offset %d as its record %d", partition, offset, i)
				break
			}
		}
	}
	sort.Strings(wrong)
	return wrong
}
