package sim

import "sync/atomic"

// Seeds runs the seeds from and to and those between, atOnce at a time, and hands their results to take, in the order of the
// seeds. It ends when take says false, or when all are done. Worlds have nothing in common, so that each run is what it would be alone.
func Seeds(from, to uint64, atOnce int, run func(seed uint64) *Result, take func(*Result) bool) {
	ahead := 2*atOnce - 1 // so that nobody idles while an early seed takes long
	places := make(chan struct{}, atOnce)
	var over atomic.Bool
	var waiting []chan *Result
	start := func(seed uint64) {
		out := make(chan *Result, 1)
		waiting = append(waiting, out)
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			if over.Load() {
				close(out)
				return
			}
			out <- run(seed)
		}()
	}
	for seed, more := from, from <= to; more || len(waiting) > 0; {
		for ; more && len(waiting) < ahead; seed++ {
			start(seed)
			more = seed < to
		}
		r := <-waiting[0]
		waiting = waiting[1:]
		if !take(r) {
			over.Store(true)
			break
		}
	}
	for _, out := range waiting {
		<-out
	}
}
