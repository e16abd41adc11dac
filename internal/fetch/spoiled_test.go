package fetch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/segment"
)

// A file that is cut short while the agent has it open, and whose batches were looked at before: FSCK.md says that readers are told
// CORRUPT_MESSAGE, and that whoever restores the file is noticed after 5 s, without a restart.
func TestOpenFileIsCutAndRestored(t *testing.T) {
	dir := t.TempDir()
	store, err := filestore.New(dir, filestore.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, settings{store: store, opener: store})
	id := b.topic("orders", 1)
	list := plain(0, 1, 40_000)
	b.produce(id, 0, list, plain(1, 1, 40_000), plain(2, 1, 40_000))
	if got := b.parse(b.only(b.read(want(id, 0, 0)))); len(got) != 3 {
		t.Fatalf("%d batches", len(got))
	}
	_, p, _ := b.control.View().Log.PartitionOf(id, 0)
	var x log.Extent
	p.Extents.From(0, func(e log.Extent) bool { x = e; return false })
	at, _ := b.control.View().Log.Place(x)
	path := filepath.Join(dir, filepath.FromSlash(segment.Key(at.File)))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(at.Pos)+int64(len(list))+20_000); err != nil { // in the second batch
		t.Fatal(err)
	}
	b.clock.forward(10 * time.Second)
	r := b.read(want(id, 0, 1))
	if got := r.Partitions[0]; len(got.Records) > 0 {
		if _, err := got.Records.Copy(); err == nil {
			t.Error("more can be written than is there")
		}
		r.Spoiled()
	}
	if r.Release != nil {
		r.Release()
	}
	for offset, kind := range []base.Kind{base.OK, base.CorruptMessage, base.CorruptMessage} {
		r := b.read(want(id, 0, int64(offset)))
		if _, err := r.Partitions[0].Records.Copy(); r.Partitions[0].Kind != kind || err != nil {
			t.Errorf("cut, from offset %d: %v, %v", offset, r.Partitions[0].Kind, err)
		}
		if r.Release != nil {
			r.Release()
		}
	}
	// restored as rsync, cp --remove-destination, mv do
	if err := os.WriteFile(path+".new", whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	b.clock.forward(10 * time.Second)
	for offset := range int64(3) {
		r := b.read(want(id, 0, offset))
		got := r.Partitions[0]
		if _, err := got.Records.Copy(); got.Kind != base.OK || err != nil || len(got.Records) == 0 {
			t.Errorf("restored, from offset %d: %v, %v", offset, got.Kind, err)
		}
		if r.Release != nil {
			r.Release()
		}
	}
}
