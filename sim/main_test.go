package sim

import (
	"os"
	"runtime/debug"
	"testing"
)

// A world runs for a second of real time, and all of it is garbage then: to collect that as often as is the default takes a sixth of the
// time. Two worlds at once take some 180 MB so; the limit is for machines that run many.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(1 << 30)
	os.Exit(m.Run())
}
