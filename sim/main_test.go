package sim

import (
	"os"
	"runtime/debug"
	"testing"
)

// A world lives for a second and leaves nothing behind: collecting it often costs a sixth of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
