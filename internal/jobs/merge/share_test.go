package merge

import "testing"

// On one disk one file is made at a time, twice as large if there is memory for that; elsewhere several, as memory allows.
func TestShare(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		memory  int64
		oneDisk bool
		atOnce  int
		file    int64
		heldMax int64
	}{
		{8 * mib, false, 1, 16 * mib, 32 * mib},
		{48 * mib, false, 1, 16 * mib, 32 * mib},
		{64 * mib, false, 2, 16 * mib, 32 * mib},
		{1024 * mib, false, FilesAtOnce, 16 * mib, 32 * mib},
		{8 * mib, true, 1, 16 * mib, 32 * mib},
		{20 * mib, true, 1, 20 * mib, 32 * mib},
		{48 * mib, true, 1, 32 * mib, 48 * mib},
		{1024 * mib, true, 1, 32 * mib, 1024 * mib},
	} {
		j := Job{pace: DefaultPace}
		j.share(c.memory, c.oneDisk)
		if j.atOnce != c.atOnce || j.pace.File != c.file || j.heldMax != c.heldMax {
			t.Errorf("%d MiB, one disk: %t: %d at once of %d bytes, which hold at most %d; want %d, %d, %d",
				c.memory/mib, c.oneDisk, j.atOnce, j.pace.File, j.heldMax, c.atOnce, c.file, c.heldMax)
		}
	}
}
