package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The command as a person runs it, in its short form: every figure is there for both systems, and nothing is left behind.
func TestShort(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("it reads /proc")
	}
	bin := filepath.Join(t.TempDir(), "compare")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wrong := exec.Command(bin, "--warmup", "-3s")
	if out, err := wrong.CombinedOutput(); wrong.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "compare: --warmup -3s: want") {
		t.Errorf("a wrong flag: %v, %s", err, out)
	}
	work, file, page := t.TempDir(), filepath.Join(t.TempDir(), "report.json"), filepath.Join(t.TempDir(), "page.md")
	out, err := exec.Command(bin, "--short", "--dir", work, "--json", file, "--markdown", page).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ load, what string }{
		{start, startMs}, {start, topicMs}, {produce, mbPerSec}, {produce, cpuPerGiB}, {javaProduce, mbPerSec}, {javaProduce, cpuPerGiB},
		{pacedAt(2), ackP99}, {pacedAt(4), cpuPerGiB}, {tail, mbPerSec}, {tail, endP99}, {catchUp, mbPerSec}, {catchUp, firstRead}, {catchUp, firstPerGiB}, {catchUp, cpuPerGiB}, {javaCatchUp, mbPerSec},
		{javaCatchUp, cpuPerGiB}, {memory, peakMiB},
	} {
		f := r.find(20, want.load, want.what)
		if f == nil {
			t.Errorf("%s: no %s", want.load, want.what)
			continue
		}
		for _, s := range []string{"kafka", "millrace"} {
			if v := f.Values[s]; len(v) != 1 || v[0] <= 0 {
				t.Errorf("%s, %s of %s: %v", want.load, want.what, s, v)
			}
		}
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "| 20 partitions | Kafka | Millrace | ratio |") || !strings.Contains(string(text), "\n| 2 MB/s, acknowledged p99 |") {
		t.Errorf("%v, the page has\n%s", err, text)
	}
	if r.Goals != nil {
		t.Error("the short form judges")
	}
	if left, err := os.ReadDir(work); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
