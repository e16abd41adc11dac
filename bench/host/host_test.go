package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
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

func TestCoreList(t *testing.T) {
	if got, err := CoreList("0-2,6"); err != nil || !slices.Equal(got, []int{0, 1, 2, 6}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, list := range []string{"", "all", "3-1", "-1"} {
		if got, err := CoreList(list); err == nil {
			t.Errorf("%q is taken for %v", list, got)
		}
	}
}

// A core that somebody computes on is busy, and no longer than time passes.
func TestBusy(t *testing.T) {
	if _, err := os.Stat("/proc/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	cores, err := CoreList(fmt.Sprintf("0-%d", Cores()-1))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	first, err := Busy(cores)
	if err != nil {
		t.Fatal(err)
	}
	for time.Since(began) < 200*time.Millisecond {
	}
	last, err := Busy(cores)
	over := time.Since(began)
	if err != nil || last-first < over/2 || last-first > time.Duration(len(cores))*(over+20*time.Millisecond) {
		t.Errorf("busy for %v of %v on %d cores, %v", last-first, over, len(cores), err)
	}
}

// A file is as large as what is free, each time.
func TestFillMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "filler")
	for _, test := range []struct{ free, want int64 }{{40 << 20, 48 << 20}, {20 << 20, 32 << 20}, {0, 0}} {
		size, err := fill(path, func() (int64, error) { return test.free, nil })
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != test.want || size != test.want {
			t.Errorf("with %d bytes free: %d, %v, %v; want %d bytes", test.free, size, info, err, test.want)
		}
	}
	none := errors.New("nobody knows")
	if _, err := fill(path, func() (int64, error) { return 0, none }); !errors.Is(err, none) {
		t.Errorf("where free memory is not known: %v", err)
	}
	if free, err := freeMemory(); runtime.GOOS == "linux" && (err != nil || free < 1<<20) {
		t.Errorf("%d bytes are free, %v", free, err)
	}
}

func TestCongestionControl(t *testing.T) {
	known, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control") // not there on every system
	if name := CongestionControl(); (name == "") != (err != nil) || !slices.Contains(append(strings.Fields(string(known)), ""), name) {
		t.Errorf("%q is none of %q (%v)", name, known, err)
	}
}

func TestEmpty(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	files := []string{filepath.Join(dir, "one"), filepath.Join(deep, "two"), outside}
	for _, path := range files {
		if err := os.WriteFile(path, []byte("something"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := Empty(dir); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{0, 0, 9} {
		if s, err := os.Stat(files[i]); err != nil || s.Size() != want {
			t.Errorf("%s: %v, want %d bytes", files[i], err, want)
		}
	}
	if Empty(filepath.Join(dir, "none")) == nil {
		t.Error("a folder that is not there is emptied")
	}
}
