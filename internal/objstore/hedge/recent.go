package hedge

import (
	"slices"
	"time"
)

type operation uint8

// What is hedged.
const (
	create operation = iota
	put
	get
	operations
)

// sizeBounds part requests by their bytes: within a class they take about as long, by the profiles of package latency.
var sizeBounds = [...]int{64 << 10, 256 << 10, 1 << 20, 4 << 20}

const sizes = len(sizeBounds) + 1

// sizeOf gives the class of a request of n bytes; a negative n is the rest of an object, however long.
func sizeOf(n int) int {
	if n < 0 {
		return sizes - 1
	}
	class, _ := slices.BinarySearch(sizeBounds[:], n)
	return class
}

// Bounds of what counts as slow.
const (
	// keptMax latencies are remembered of each operation and size: enough for slowShare of them to be several.
	keptMax = 128
	// keptFor: older ones say nothing about the store of today, and an agent that is idle has no newer ones.
	keptFor = time.Minute
	// keptMin is how many there must be.
	keptMin = 20
	// slowShare of the requests are hedged: one in so many. Where they all take about as long as the median, none is: slow is
	// half as much again at least.
	slowShare = 20
	// delayMin spares stores that answer at once; delayMax is below every time-out.
	delayMin = 2 * time.Millisecond
	delayMax = 3 * time.Second
)

// recent is the latencies of one operation and size.
type recent struct {
	ring [keptMax]sample
	next int

	reckoned time.Time // when slow was
	slow     time.Duration
	known    bool
}

// reckonEvery is how long what was reckoned is good for.
const reckonEvery = 100 * time.Millisecond

type sample struct {
	at   time.Time // zero: none
	took time.Duration
}

func (r *recent) note(now time.Time, took time.Duration) {
	r.ring[r.next] = sample{now, took}
	r.next = (r.next + 1) % keptMax
}

// late gives the time above which a request is among the slowest of its kind; false if that is not known.
func (r *recent) late(now time.Time) (time.Duration, bool) {
	if now.Sub(r.reckoned) >= reckonEvery {
		r.slow, r.known = r.reckon(now)
		r.reckoned = now
	}
	return r.slow, r.known
}

func (r *recent) reckon(now time.Time) (time.Duration, bool) {
	var buf [keptMax]time.Duration
	kept := buf[:0]
	for i := range r.ring {
		if s := &r.ring[i]; !s.at.IsZero() && now.Sub(s.at) < keptFor {
			kept = append(kept, s.took)
		}
	}
	if len(kept) < keptMin {
		return 0, false
	}
	slices.Sort(kept)
	slow, median := kept[len(kept)-1-len(kept)/slowShare], kept[len(kept)/2]
	return min(max(slow, median+median/2, delayMin), delayMax), true
}

// Bounds of what hedges may cost.
const (
	// tokenEach request adds to the budget; a hedge costs 1: in the long run one request in twenty.
	tokenEach = 1.0 / slowShare
	// tokensMax is what a quiet time saves up: enough for a moment in which all is slow at once, and few enough not to make
	// it worse.
	tokensMax = 5
	// overdraft is what very late requests may take beyond that, to be earned by those that follow: the one in two thousand
	// that stalls is worth more than the one in twenty that is slow.
	overdraft = 2
	// calmFor is how long a store that throttled gets no overdraft.
	calmFor = 5 * time.Second
	// inFlightMax hedges wait for their answers at any time.
	inFlightMax = 8
)

// budget bounds the hedges.
type budget struct {
	tokens    float64
	inFlight  int
	bodies    int64 // bytes of memory that are left for second answers
	throttled time.Time
}

func (b *budget) earn() { b.tokens = min(tokensMax, b.tokens+tokenEach) }

func (b *budget) take(body int64, veryLate bool, now time.Time) bool {
	least := 1.0
	if veryLate && now.Sub(b.throttled) >= calmFor {
		least -= overdraft
	}
	if b.tokens < least || b.inFlight >= inFlightMax || body > b.bodies {
		return false
	}
	b.tokens--
	b.inFlight++
	b.bodies -= body
	return true
}
