package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadAheadKiB is how much the kernel reads of a file of dir when some of it is wanted, at most; false where nobody says. (Kafka maps its indexes: of
// each that it touches so much is brought into memory, also where the file is empty.)
func ReadAheadKiB(dir string) (kib int, ok bool) {
	var of unix.Stat_t
	if err := unix.Stat(dir, &of); err != nil {
		return 0, false
	}
	return readAheadOf("/sys/dev/block", fmt.Sprintf("%d:%d", unix.Major(of.Dev), unix.Minor(of.Dev)))
}

// readAheadOf looks at a disk, or at that of a partition.
func readAheadOf(devices, device string) (kib int, ok bool) {
	at, err := filepath.EvalSymlinks(filepath.Join(devices, device))
	if err != nil {
		return 0, false
	}
	for _, disk := range []string{at, filepath.Dir(at)} {
		text, err := os.ReadFile(filepath.Join(disk, "queue", "read_ahead_kb"))
		if err != nil {
			continue
		}
		kib, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return kib, err == nil
	}
	return 0, false
}
