package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what the kernel says of a process.
type Usage struct {
	Bytes     int64         // RSS
	PeakBytes int64         // the largest since the start
	CPU       time.Duration // user and system, of all threads there have been
}

// UsageOf asks for the usage of a process, its own threads' alone. It works on Linux only.
func UsageOf(pid int) (u Usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("memory is measured on Linux only: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		for name, to := range map[string]*int64{"VmHWM:": &u.PeakBytes, "VmRSS:": &u.Bytes} {
			rest, ok := strings.CutPrefix(line, name)
			if !ok {
				continue
			}
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return u, err
			}
			*to = kib << 10
		}
	}
	u.CPU, err = cpuOf(pid)
	return u, err
}
