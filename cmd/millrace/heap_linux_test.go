package main

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace-io/millrace/internal/base/offheap"
)

// The limit follows what is in use.
func TestTheLimitFollows(t *testing.T) {
	const memory = 1 << 30
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go limitHeap(ctx, memory)
		var rooms offheap.Rooms
		room := rooms.Take(100 << 20)
		time.Sleep(heapLook + 1)
		if got, want := debug.SetMemoryLimit(-1), heapLimit(memory, offheap.Mapped()); got != want || want == heapLimit(memory, 0) {
			t.Errorf("the limit is %d, want %d", got, want)
		}
		rooms.Give(room)
		time.Sleep(heapLook + 1)
		if got, want := debug.SetMemoryLimit(-1), heapLimit(memory, offheap.Mapped()); got != want {
			t.Errorf("the limit is %d afterwards, want %d", got, want)
		}
	})
}
