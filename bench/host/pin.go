package host

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pinTool sets a process's cores before it starts, so that runtimes count only those: Go's GOMAXPROCS, a JVM's threads.
const pinTool = "taskset"

// CanPin reports whether a process can be kept on some cores here.
func CanPin() bool {
	_, err := exec.LookPath(pinTool)
	return err == nil && Cores() > 1
}

// On gives the arguments that start argv on the given cores, such as "0" or "0,2-3". The process keeps its number.
func On(cores string, argv []string) []string {
	return append([]string{pinTool, "-c", cores}, argv...)
}

// CoreList reads a list of cores as On takes it.
func CoreList(list string) (cores []int, err error) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 0 || to < from {
			return nil, fmt.Errorf("%q is no list of cores such as 0,2-3", list)
		}
		for ; from <= to; from++ {
			cores = append(cores, from)
		}
	}
	return cores, nil
}

// idleColumns of /proc/stat are idle and iowait; the guests' columns behind busyColumns are in user and nice already.
var idleColumns = []int{3, 4}

const busyColumns = 8

// ticksPerSecond is the kernel's unit in /proc/stat: USER_HZ, 100 on every architecture Go runs on.
const ticksPerSecond = 100

// Busy is how long cores have not been idle since the machine's start, all together, whoever used them: processes, the
// kernel, and, on a virtual machine, its neighbours.
func Busy(cores []int) (busy time.Duration, err error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("cores are watched on Linux only: %w", err)
	}
	for line := range strings.Lines(string(stat)) {
		f := strings.Fields(line)
		name, isCPU := strings.CutPrefix(f[0], "cpu")
		n, err := strconv.Atoi(name)
		if !isCPU || err != nil || !slices.Contains(cores, n) {
			continue
		}
		for i, text := range f[1:min(len(f), 1+busyColumns)] {
			ticks, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return 0, err
			}
			if !slices.Contains(idleColumns, i) {
				busy += time.Duration(ticks) * time.Second / ticksPerSecond
			}
		}
	}
	return busy, nil
}
