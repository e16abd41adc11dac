package main

import (
	"runtime/debug"
	"testing"

	"github.com/millrace-io/millrace/internal/objstore"
)

// Go's heap may have all of the agent's memory but for an eighth, or but for a third where the bucket has some, too.
func TestGoLeavesRoom(t *testing.T) {
	const memory = 480 << 20
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for bucket, want := range map[objstore.Info]int64{{}: 420 << 20, {OwnMemory: true}: 320 << 20} {
		limitHeap(memory, bucket)
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("a bucket with OwnMemory %t leaves Go %d of %d, want %d", bucket.OwnMemory, got, int64(memory), want)
		}
	}
}
