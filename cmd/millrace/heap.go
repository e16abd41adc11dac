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
	// heapLook is how often the limit is brought up to date.
	heapLook = time.Second / 4
)

// heapLimit is how much of an agent's memory is Go's, where so many bytes of it are in use outside of the heap.
func heapLimit(memory, offheap int64) int64 {
	return max(memory-memory/runtimeShare-offheap, memory/heapLeast)
}

// limitHeap tells the collector how much of the agent's memory is Go's, until ctx ends.
func limitHeap(ctx context.Context, memory int64) {
	tick := time.NewTicker(heapLook)
	defer tick.Stop()
	for limit := int64(0); ; {
		if next := heapLimit(memory, offheap.Mapped()); next != limit {
			limit = next
			debug.SetMemoryLimit(limit)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
