package main

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/millrace-io/millrace/internal/base/offheap"
)

const (
	// runtimeShare: an eighth of the memory is for what Go's limit does not count, such as the binary itself, and for what is allocated while the
	// collector catches up.
	runtimeShare = 8
	// heapLeast: half of it is Go's whatever there is beside its heap: with less the collector might have no end.
	heapLeast = 2
	// heapLook is how often the limit is brought up to date, heapStep from what change on: each stands the process still for a moment.
	heapLook = time.Second
	heapStep = 8 << 20
)

// heapLimit is how much of an agent's memory is Go's, where so many bytes of it are in use outside of the heap.
func heapLimit(memory, offheap int64) int64 {
	return max(memory-memory/runtimeShare-offheap, memory/heapLeast)
}

// limitHeap tells the collector how much of the agent's memory is Go's, until ctx ends.
func limitHeap(ctx context.Context, memory int64) {
	limit := heapLimit(memory, 0)
	debug.SetMemoryLimit(limit)
	for tick := time.NewTicker(heapLook); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
		if next := heapLimit(memory, offheap.Mapped()); next-limit >= heapStep || limit-next >= heapStep {
			limit = next
			debug.SetMemoryLimit(limit)
		}
	}
}
