package sim

import (
	"runtime"
	"sync"
)

// RunMany runs the seeds from and to and those between, as many at once as there are processors, and gives the results to
// report in the order of the seeds. Worlds have nothing in common, so that each run is what it would be alone.
func RunMany(from, to uint64, options func(seed uint64) Options, report func(*Result)) {
	n := int(to - from + 1)
	results := make([]chan *Result, n)
	for i := range results {
		results[i] = make(chan *Result, 1)
	}
	go atOnce(n, func(i int) { results[i] <- Run(options(from + uint64(i))) })
	for _, r := range results {
		report(<-r)
	}
}

// atOnce calls f for 0 to n-1, on as many goroutines as there are processors.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
