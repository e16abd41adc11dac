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
	CPU       time.Duration // user and system
}

// ticksPerSecond is the kernel's unit in /proc/PID/stat: USER_HZ, 100 on every architecture Go runs on.
const ticksPerSecond = 100

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
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold spaces
	fields := strings.Fields(rest)
	for _, i := range []int{11, 12} { // user and system time
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return u, nil
}
