package agent

import (
	"testing"

	"github.com/millrace-io/millrace/internal/cache"
)

// Open files leave room for connections, however few descriptors a process may have.
func TestOpenFilesLeaveRoom(t *testing.T) {
	for descriptors, want := range map[uint64]int{0: cache.OpenMax, 1: 1, 256: 64, 1000: 250, 1024: 256, 1 << 20: cache.OpenMax, 1<<64 - 1: cache.OpenMax} {
		if got := openMax(descriptors); got != want {
			t.Errorf("%d files of %d descriptors, want %d", got, descriptors, want)
		}
	}
}
