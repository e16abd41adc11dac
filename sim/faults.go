package sim

import (
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// Faults says how often the bucket misbehaves: chances in a thousand requests. The zero value is a bucket that works.
type Faults struct {
	Slow       uint64 // some seconds
	VerySlow   uint64 // longer than most clients wait
	Throttled  uint64 // outside of storms
	Failed     uint64 // nothing was done
	AnswerLost uint64 // done; the answer says that nothing is known
	NotDone    uint64 // a write that is not done; the answer says that nothing is known
	Conflict   uint64 // a create that is not done, answered 409
	Late       uint64 // a write that is answered by a time-out and done LateMax or less after that
	ShortPage  uint64 // a page of a listing that ends early
	KillWriter uint64 // the writer is killed at the moment its write lands
	LateMax    time.Duration
}

// stormThrottled is the chance of a refusal during a storm.
const stormThrottled = 700

// drawFaults gives each seed a mixture of its own: a fault in ten requests and none at all show different paths.
func drawFaults(w *sim.World, late time.Duration) Faults {
	often := func(most uint64) uint64 {
		switch w.Uint64() % 4 {
		case 0:
			return 0
		case 1:
			return most / 4
		}
		return 1 + w.Uint64()%most
	}
	return Faults{Slow: often(40), VerySlow: often(4), Throttled: often(30), Failed: often(20), AnswerLost: often(30), NotDone: often(15),
		Conflict: often(30), Late: often(20), ShortPage: often(500), KillWriter: often(3), LateMax: late}
}
