package main

import "testing"

// Go's heap may have all of the agent's memory but for an eighth and what is in use beside it, and half of it always.
func TestGoLeavesRoom(t *testing.T) {
	const memory = 400 << 20
	for beside, want := range map[int64]int64{0: 350 << 20, 100 << 20: 250 << 20, 150 << 20: 200 << 20, 300 << 20: 200 << 20} {
		if got := heapLimit(memory, beside); got != want {
			t.Errorf("%d beside the heap leave it %d of %d, want %d", beside, got, int64(memory), want)
		}
	}
}
