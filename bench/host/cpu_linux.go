package host

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock is the kind of a process's clock of user and system time, beside its number, in the name of that clock:
// CPUCLOCK_SCHED of the kernel's posix-timers.h, as clock_getcpuclockid(3) makes it.
const cpuClock = 2

// cpuOf reads a process's CPU clock: the scheduler's own sum in nanoseconds, of threads that ended too. /proc/PID/stat shows the
// same cut down to ticks of 10 ms. What a running thread has used since the kernel's last tick (4 ms at 250 Hz) is not in it yet.
func cpuOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|cpuClock, &t); err != nil {
		return 0, fmt.Errorf("the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
