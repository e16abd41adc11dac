package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
)

// A binary that is too old for its bucket says so, names the level it would have to know, and changes nothing (docs/UPGRADE.md).
func TestBinaryTooOldForItsBucket(t *testing.T) {
	dir := filled(t)
	if r, _ := report(t, dir); r.Level != meta.FeatureLevel {
		t.Errorf("fsck tells feature level %d, this binary writes %d", r.Level, meta.FeatureLevel)
	}
	level := writeNewer(t, dir)
	before := files(t, dir)
	says := fmt.Sprintf("is of feature level %d, this version knows %d", level, meta.FeatureLevel)
	for _, step := range []struct {
		args []string
		code int
	}{
		{append([]string{"agent", "--bucket", "file://" + dir, "--peer", "off"}, local...), 1},
		{[]string{"fsck", "--repair", "--bucket", "file://" + dir}, 3},
	} {
		if stdout, stderr, code := run(t, "", step.args...); code != step.code || !strings.Contains(stderr, says) {
			t.Errorf("millrace %v: exit code %d: %s%s", step.args, code, stdout, stderr)
		}
	}
	if after := files(t, dir); !slices.Equal(after, before) {
		t.Errorf("in the bucket are %v, were %v", after, before)
	}
	stdout, _, code := run(t, "", "--version")
	if want := fmt.Sprintf("feature level %d\n", meta.FeatureLevel); code != 0 || !strings.HasSuffix(stdout, want) {
		t.Errorf("--version says %q, want %q", stdout, want)
	}
}

// writeNewer adds an entry of the level after this binary's to the journal.
func writeNewer(t *testing.T, dir string) (level uint16) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	if err != nil {
		t.Fatal(err)
	}
	object, err := os.ReadFile(slices.Max(all))
	if err != nil {
		t.Fatal(err)
	}
	last, err := journal.DecodeEntry(object)
	if err != nil {
		t.Fatal(err)
	}
	h := journal.Header{Slot: last.Slot + 1, Prev: last.Hash, Attempt: [16]byte{1}, Time: last.Time, Level: meta.FeatureLevel + 1}
	newer, err := journal.EncodeEntry(h, last.Payload)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, journal.EntryKey(h.Slot), newer, time.Second)
	return h.Level
}

// files lists what is in a bucket, but for the scratch objects of start-up probes.
func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	for _, kind := range []string{"cluster.json", "journal/*", "snapshot/*", "part/*", "data/*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, kind))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}
