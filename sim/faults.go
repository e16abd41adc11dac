package sim

import (
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Faults says how often the bucket misbehaves: chances in a thousand requests. The zero value is a bucket that works.
type Faults struct {
	Slow       uint64 // some seconds
	VerySlow   uint64 // longer than most clients wait
	Failed     uint64 // no connection: nothing was done
	AnswerLost uint64 // done; the answer says that nothing is known
	NotDone    uint64 // a write that is not done; the answer says that nothing is known
	Throttled  uint64 // 429: not done
	Busy       uint64 // 503: done or not
	Broken     uint64 // 500: done or not
	Conflict   uint64 // 409 to a create: not done
	OwnRetry   uint64 // 412 to a create that was done: what lies between tried twice
	Late       uint64 // a write that is answered by a time-out and done LateMax or less after that
	LateList   uint64 // a listing that is answered long after it was made
	ShortPage  uint64 // a page of a listing that ends early
	KillWriter uint64 // the writer is killed at the moment its write lands
	LullWriter uint64 // the writer is paused, for W and longer, at the moment its write lands
	LateMax    time.Duration
}

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
	return Faults{Slow: often(40), VerySlow: often(4), Failed: often(20), AnswerLost: often(30), NotDone: often(15),
		Throttled: often(20), Busy: often(20), Broken: often(20), Conflict: often(30), OwnRetry: often(20), Late: often(20),
		LateList: often(60), ShortPage: often(500), KillWriter: often(3), LullWriter: often(1), LateMax: late}
}

// status is what the bucket answers in place of the truth, as HTTP has it; 0: nothing that the client could read.
type status int

// kindOf is what the S3 driver makes of a status (internal/objstore/s3store/errors.go).
func (s status) kindOf(op string) objstore.ErrorKind {
	switch {
	case s == 412:
		return objstore.Exists
	case s == 429, s == 503 && !isWrite(op):
		return objstore.Throttled
	case isWrite(op):
		return objstore.Ambiguous
	}
	return objstore.Other
}

func isWrite(op string) bool { return op == opPut || op == opCreate || op == opDelete }

// The operations, as objstore.Error names them.
const (
	opCreate = "put-if-absent"
	opPut    = "put"
	opGet    = "get"
	opHead   = "head"
	opList   = "list"
	opDelete = "delete"
)

// stormy is the chance that a request meets the storm.
const stormy = 700

// storms are the answers that come in storms; 409 and 412 meet creates only.
var storms = []status{409, 412, 429, 500, 503}

var (
	stormMarks  = map[status]Mark{409: Storm409, 412: Storm412, 429: Storm429, 500: Storm500, 503: Storm503}
	answerMarks = map[status]Mark{409: Bucket409, 412: Bucket412, 429: Bucket429, 500: Bucket500, 503: Bucket503}
)

// fate is what will become of a request.
type fate struct {
	there, back time.Duration
	does        bool
	says        bool // the answer is an error, whatever was done
	status      status
	kind        objstore.ErrorKind
	late        time.Duration // does it that long after the answer
	mark        Mark
}

// draw decides on a request of p.
func (b *Bucket) draw(p *sim.Proc, op string) fate {
	b.Requests++
	w := b.w
	f := fate{there: w.Between(2*time.Millisecond, 20*time.Millisecond), back: w.Between(time.Millisecond, 15*time.Millisecond), does: true}
	if far := b.distance[p.Name()]; far > 1 {
		f.there, f.back = far*f.there, far*f.back
	}
	switch {
	case b.calm:
		return f
	case w.Elapsed() < b.outages[p.Name()]:
		f = fate{there: w.Between(time.Millisecond, 5*time.Second)}
		return f.answers(0, op, "")
	case w.Elapsed() < b.stormEnds && b.chance(stormy):
		if s := b.storm; op == opCreate || s != 409 && s != 412 {
			return b.turnedAway(f, s, op)
		}
	}
	return b.misfortune(f, op)
}

// answers has a request answered by a status in place of the truth.
func (f fate) answers(s status, op string, mark Mark) fate {
	f.says, f.status, f.kind, f.mark = true, s, s.kindOf(op), mark
	return f
}

// turnedAway is a request that is answered by a status, and done or not as that status leaves open.
func (b *Bucket) turnedAway(f fate, s status, op string) fate {
	switch s {
	case 412:
		f.does = true
	case 500, 503:
		f.does = b.chance(500)
	default:
		f.does = false
	}
	return f.answers(s, op, answerMarks[s])
}

// misfortune draws what befalls a request outside of storms.
func (b *Bucket) misfortune(f fate, op string) fate {
	x, w := &b.faults, b.w
	write, create := isWrite(op), op == opCreate
	switch {
	case b.chance(x.Slow):
		f.mark = BucketSlow
		f.there += w.Between(0, 3*time.Second)
		f.back += w.Between(0, 2*time.Second)
	case b.chance(x.VerySlow):
		f.mark = BucketVerySlow
		f.there += w.Between(0, 60*time.Second)
		f.back += w.Between(0, 20*time.Second)
	case op == opList && b.chance(x.LateList):
		f.mark = BucketListLate
		f.back += w.Between(5*time.Second, waitMax)
	case b.chance(x.Throttled):
		return b.turnedAway(f, 429, op)
	case b.chance(x.Busy):
		return b.turnedAway(f, 503, op)
	case b.chance(x.Broken):
		return b.turnedAway(f, 500, op)
	case create && b.chance(x.Conflict):
		return b.turnedAway(f, 409, op)
	case create && b.chance(x.OwnRetry):
		return b.turnedAway(f, 412, op)
	default:
		return b.silence(f, op, write)
	}
	return f
}

// silence draws whether the client learns nothing of what became of its request.
func (b *Bucket) silence(f fate, op string, write bool) fate {
	x, w := &b.faults, b.w
	switch {
	case b.chance(x.Failed):
		f.does, f.says, f.kind, f.mark = false, true, objstore.Other, BucketFailed
	case b.chance(x.AnswerLost):
		f.back += w.Between(0, time.Second)
		return f.answers(0, op, BucketAnswerLost)
	case b.chance(x.NotDone):
		f.does = false
		f.back += w.Between(0, time.Second)
		return f.answers(0, op, BucketNotDone)
	case write && b.chance(x.Late):
		f.does = false
		f.back += w.Between(0, 5*time.Second)
		f.late = 1 + w.Between(0, x.LateMax)
		return f.answers(0, op, BucketLate)
	}
	return f
}

func (b *Bucket) chance(perMille uint64) bool { return b.w.Uint64()%1000 < perMille }
