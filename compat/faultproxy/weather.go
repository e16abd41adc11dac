package faultproxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Fault is one thing that may happen to a request.
type Fault string

const (
	// CutBefore closes the connection and forwards nothing.
	CutBefore Fault = "cut-before"
	// CutAfter forwards the request and closes the connection instead of answering.
	CutAfter Fault = "cut-after"
	// CutHalfway closes the connection in the middle of the answer's body; before it if there is none.
	CutHalfway Fault = "cut-halfway"
	// Late closes the connection of a PUT, and forwards it Weather.LateBy afterwards. It does not happen to other requests.
	Late Fault = "late"
	// InternalError answers 500 and forwards nothing.
	InternalError Fault = "500-before"
	// InternalErrorAfter forwards the request and answers 500 nevertheless.
	InternalErrorAfter Fault = "500-after"
	// SlowDown answers 503, as S3 does to too many requests, and forwards nothing.
	SlowDown Fault = "503-slow-down"
	// TooMany answers 429, as other stores do, and forwards nothing.
	TooMany Fault = "429"
	// Conflict answers 409 to a conditional PUT, as S3 does when others write the key at the same moment, and forwards
	// nothing. It does not happen to other requests.
	Conflict Fault = "409-conflict"
)

// Faults are all of them, in the order of their draw.
var Faults = []Fault{CutBefore, CutAfter, CutHalfway, Late, InternalError, InternalErrorAfter, SlowDown, TooMany, Conflict}

// Counted besides faults.
const (
	// Slow counts requests that met the tail of the delay, BlackHole those that met no answer, Passed those that met no fault.
	Slow      = "slow"
	BlackHole = "black-hole"
	Passed    = "passed"
)

// Weather is what may happen on the way. The zero value is good weather.
type Weather struct {
	// Delay is the longest that a request waits before it goes on, drawn evenly.
	Delay time.Duration
	// TailShare of the requests wait longer: Tail on average, exponentially, 10 times that at most.
	TailShare float64
	Tail      time.Duration
	// Shares of the requests that meet each fault; together at most 1.
	Shares map[Fault]float64
	// LateBy is how much later a PUT arrives that meets Late.
	LateBy time.Duration
	// BytesPerSecond is the bandwidth for bodies, each way; 0 for no limit.
	BytesPerSecond int
	// BlackHole lets nothing through and answers nothing, until the weather changes.
	BlackHole bool
}

// String tells the weather in one line.
func (w Weather) String() string {
	if w.BlackHole {
		return BlackHole
	}
	var parts []string
	if w.Delay > 0 {
		parts = append(parts, fmt.Sprintf("delay ≤%v", w.Delay))
	}
	if w.TailShare > 0 {
		parts = append(parts, fmt.Sprintf("tail %.0f%% of %v", 100*w.TailShare, w.Tail))
	}
	for _, f := range Faults {
		if share := w.Shares[f]; share > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f%%", f, 100*share))
		}
	}
	if w.BytesPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%d KiB/s", w.BytesPerSecond>>10))
	}
	if len(parts) == 0 {
		return "good"
	}
	return strings.Join(parts, ", ")
}

// tailMax bounds a delay of the tail, as a multiple of its average.
const tailMax = 10

// luck is all that is drawn for one request: always the same draws, so that a change of the weather moves none of the rest.
type luck struct {
	fault, delay, slow float64 // even, in [0, 1)
	tail               float64 // exponential, 1 on average
	half               float64 // even: where in its body an answer is cut
}

func drawLuck(r *rand.Rand) luck {
	return luck{fault: r.Float64(), delay: r.Float64(), slow: r.Float64(), tail: r.ExpFloat64(), half: r.Float64()}
}

// fault gives what happens to a request with that luck; "" for nothing.
func (w Weather) fault(l luck) Fault {
	u := l.fault
	for _, f := range Faults {
		if u < w.Shares[f] {
			return f
		}
		u -= w.Shares[f]
	}
	return ""
}

// delay gives how long it waits, and whether that is the tail.
func (w Weather) delay(l luck) (wait time.Duration, slow bool) {
	wait = time.Duration(l.delay * float64(w.Delay))
	if l.slow < w.TailShare {
		return wait + time.Duration(min(l.tail, tailMax)*float64(w.Tail)), true
	}
	return wait, false
}
