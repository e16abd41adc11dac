package history

import "time"

// pulse is something that should not stand still for long: acknowledgements or deliveries of one partition.
type pulse struct {
	what      string
	partition int32
}

// pulses measure for how long nothing moved.
type pulses struct {
	last     map[pulse]time.Time     // when it last moved
	silences map[pulse]time.Duration // the longest time it did not
}

func newPulses() pulses {
	return pulses{last: map[pulse]time.Time{}, silences: map[pulse]time.Duration{}}
}

func (p *pulses) beat(k pulse, now time.Time) {
	if last, ok := p.last[k]; ok {
		p.silences[k] = max(p.silences[k], now.Sub(last))
	}
	p.last[k] = now
}

// FromHere forgets the silences so far and begins to measure: what has not moved from now on is silent since now.
func (h *History) FromHere(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.silences)
	for k := range h.last {
		h.last[k] = now
	}
}

// Longest returns the longest silence of each kind since FromHere; what is silent still counts up to now.
func (h *History) Longest(now time.Time) map[string]time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	longest := map[string]time.Duration{}
	for k, last := range h.last {
		longest[k.what] = max(longest[k.what], h.silences[k], now.Sub(last))
	}
	return longest
}

// AllMovedAfter says whether everything that ever moved has moved after that time.
func (h *History) AllMovedAfter(then time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, last := range h.last {
		if !last.After(then) {
			return false
		}
	}
	return true
}
