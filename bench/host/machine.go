package host

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Machine names the processors and the system, and says how busy it was before.
func Machine() string {
	machine := fmt.Sprintf("%d × %s, %s/%s", Cores(), cpuModel(), runtime.GOOS, runtime.GOARCH)
	load, _ := os.ReadFile("/proc/loadavg") // not there on every system
	if f := strings.Fields(string(load)); len(f) > 0 {
		machine += ", load average before " + f[0]
	}
	return machine
}

// Cores is how many cores the machine has, also those that this process is kept away from.
func Cores() int {
	info, _ := os.ReadFile("/proc/cpuinfo") // not there on every system
	cores := 0
	for line := range strings.Lines(string(info)) {
		if strings.HasPrefix(line, "processor") {
			cores++
		}
	}
	return max(cores, runtime.NumCPU())
}

func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // not there on every system
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// FileSystem gives the type of the file system that holds dir: ext4, xfs, tmpfs.
func FileSystem(dir string) string {
	dir, err := filepath.Abs(dir)
	mounts, readErr := os.ReadFile("/proc/self/mounts") // not there on every system
	if err != nil || readErr != nil {
		return "unknown file system"
	}
	kind, longest := "unknown file system", -1
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		below := f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/")
		if below && len(f[1]) >= longest { // the last one mounted on a place hides the others
			kind, longest = f[2], len(f[1])
		}
	}
	return kind
}

// FreeAddress gives an address of this machine that nobody listened on a moment ago.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// StartTries is how often a server is started whose address proves to be taken: one that was free a moment ago may be that of some
// client's connection when the server listens there.
const StartTries = 3

// AddressTaken reports whether a server's log, or what it ended with, says so.
func AddressTaken(log string) bool {
	return strings.Contains(strings.ToLower(log), "address already in use")
}
