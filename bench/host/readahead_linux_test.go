package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadAhead(t *testing.T) {
	sys := t.TempDir()
	for _, dir := range []string{"devices/vda/queue", "devices/vda/vda1", "devices/odd/queue", "devices/none", "block"} {
		if err := os.MkdirAll(filepath.Join(sys, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range map[string]string{"devices/vda/queue/read_ahead_kb": "128\n", "devices/odd/queue/read_ahead_kb": "many\n"} {
		if err := os.WriteFile(filepath.Join(sys, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"254:0": "vda", "254:1": "vda/vda1", "254:2": "odd", "254:3": "none"} {
		if err := os.Symlink(filepath.Join("../devices", to), filepath.Join(sys, "block", link)); err != nil {
			t.Fatal(err)
		}
	}
	for device, want := range map[string]int{"254:0": 128, "254:1": 128, "254:2": -1, "254:3": -1, "0:25": -1} {
		kib, ok := readAheadOf(filepath.Join(sys, "block"), device)
		if ok != (want >= 0) || ok && kib != want {
			t.Errorf("%s: %d, %t; want %d", device, kib, ok, want)
		}
	}
}
