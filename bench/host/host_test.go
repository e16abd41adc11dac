package host

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestUsageOfThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	u, err := UsageOf(os.Getpid())
	if err != nil || u.PeakBytes < 1<<20 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestFileSystem(t *testing.T) {
	if _, err := os.Stat("/proc/self/mounts"); err != nil {
		t.Skip("no /proc on this system")
	}
	if kind := FileSystem("/proc/self"); kind != "proc" {
		t.Errorf("/proc/self is on %q", kind)
	}
	if kind := FileSystem(t.TempDir()); kind == "proc" || strings.HasPrefix(kind, "unknown") {
		t.Errorf("the temporary folder is on %q", kind)
	}
}

// A pinned process counts only the cores it is given.
func TestOn(t *testing.T) {
	if !CanPin() {
		t.Skip("one core, or no taskset")
	}
	argv := On("0", []string{"nproc"})
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Errorf("%s, %v", out, err)
	}
}
