package fetch

import (
	"math"

	"github.com/millrace-io/millrace/internal/base/env"
)

// answerMin is the least that an answer may take however little is left. Such an answer is soon with its client, also on
// a slow line.
const answerMin = 64 << 10

// refBytes is about what an answer keeps in memory of a row of batches that is sent out of an open file: the hold on that, its places in the
// lists of pieces, a front.
const refBytes = 512

// share gives what may be taken of a budget by one who asks for all of it, if so much is free. The first answer takes a fourth
// of the budget at most, so that a large one does not wait for all others; the less is free, the smaller a share of that is taken:
// it takes more than a hundred clients that do not read to leave nothing for those that do.
func share(free, size int64) int64 {
	return max(min(answerMin, size), int64(float64(free)/4*float64(free)/float64(size)))
}

// shareOf gives what may be taken by who asks for n bytes.
func shareOf(m *env.Semaphore, n int64) int64 { return min(n, share(m.Free(), m.Size())) }

// reserve takes memory for what is planned out of the budget. If its share is less, all parts get theirs of that. A first batch that is
// larger goes out all the same: its bytes are the cache's, which bounds them. False: there was none in time.
func (r *reading) reserve(p *Plan) bool {
	m, asked := r.f.config.Memory, min(p.Memory, r.limits.Memory)
	if m == nil || asked == 0 {
		return true
	}
	n := shareOf(m, asked)
	if m.Acquire(n, r.until) != nil {
		return false
	}
	if r.reserved = n; n < asked {
		r.limits.lower(n)
		r.replan(p)
	}
	return true
}

// relent has an answer that was planned out of files be as one in memory if the cache is pressed by now.
func (r *reading) relent(p *Plan) {
	if r.limits.Files && r.f.cache.Pressed() {
		r.limits.Files = false
		r.limits.lower(r.limits.Memory)
		r.replan(p)
	}
}

// replan plans anew, by the same View. What the plan denies is denied as it was: not for good, if there was no barrier.
func (r *reading) replan(p *Plan) {
	was := p.Parts
	*p = MakePlan(r.view.Log, r.wants, r.limits, r.byID)
	for i := range was {
		p.Parts[i].Kind, p.Parts[i].DivergingEpoch, p.Parts[i].DivergingEnd = was[i].Kind, was[i].DivergingEpoch, was[i].DivergingEnd
	}
}

// spare is how many bytes more an answer out of files may take in memory than it has: what is its own, and of that and what is free together
// as much as if it asked now.
func (r *reading) spare() int64 {
	m := r.f.config.Memory
	if m == nil || !r.limits.Files {
		return math.MaxInt64
	}
	free := m.Free() + r.reserved
	return max(r.reserved, min(free, share(free, m.Size()))) - r.memory
}

// hold takes n bytes of memory for the answer: of what is reserved or, as the plan does not know whether batches bear their offsets, of what
// is to be had besides without waiting. False: there is nothing.
func (r *reading) hold(n int64) bool {
	if more := r.memory + n - r.reserved; more > 0 && r.limits.Files && r.f.config.Memory != nil {
		if n > r.spare() || !r.f.config.Memory.TryAcquire(more) {
			return false
		}
		r.reserved += more
	}
	r.memory += n
	return true
}

// strains reports whether an answer out of files is to end with what it has: there is no memory into which it could be detached, so it must
// not hold more once the cache is pressed.
func (r *reading) strains() bool { return r.limits.Files && len(r.views) > 0 && r.f.cache.Pressed() }

// detach copies what the answer refers to, where the cache is pressed: a client that reads slowly would keep whole spans
// from going, of which it was sent a little. Open files take little: what lies in them is copied only if they are what presses.
func (r *reading) detach() {
	if len(r.views) == 0 || !r.f.cache.Pressed() {
		return
	}
	if more := r.bytes - r.reserved; more > 0 { // a first batch that is larger than what was reserved
		if m := r.f.config.Memory; m == nil || more > m.Size() || !m.TryAcquire(more) {
			return
		}
		r.reserved += more
	}
	r.f.stats.detached.Add(1)
	r.own(false)
	if r.f.cache.Pressed() {
		r.own(true)
	}
}

// own makes the answer's bytes its own, with files set also those that lie in open files, and lets go of what they were in.
func (r *reading) own(files bool) {
	for i := range r.out {
		own, err := r.out[i].Records.Own(files)
		if err != nil {
			r.spoiled()
			own = nil // the next Fetch says why
		}
		r.out[i].Records = own
	}
	held := r.views[:0]
	for i := range r.views {
		if v := &r.views[i]; v.IsOpen() && !files {
			held = append(held, *v)
		} else {
			v.Release()
		}
	}
	r.views = held
}
