package fsck_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// ridden fills a bucket as filled does, but with segments that ride, and lands the first half of them.
func ridden(t *testing.T, store objstore.Store) *bed {
	t.Helper()
	b := &bed{t: t, store: store, rides: true}
	b.serve(func(c *control.Control, i *ingest.Ingest) {
		if v, err := c.Propose(&log.CreateTopic{Name: "orders", ID: topic, Partitions: 4}).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(err, v)
		}
		for n := range 6 {
			b.produce(i, n)
		}
		b.land(c, 3)
	})
	return b
}

// land moves the first n riders into a data file.
func (b *bed) land(c *control.Control, n int) {
	b.t.Helper()
	w := segment.NewBuilder(0)
	op := &log.LandFiles{File: base.FileRef{ID: base.ULID{9, 15: 9}}, LastModified: c.Now()}
	c.View().Log.Riders(func(number uint64, f log.File) bool {
		riders, err := control.ReadRiders(b.t.Context(), b.store, base.Slot(f.In))
		if err != nil || len(riders) != 1 {
			b.t.Fatalf("%d riders, %v", len(riders), err)
		}
		file, err := segment.Parse(riders[0].Body)
		if err != nil {
			b.t.Fatal(err)
		}
		for i, e := range file.Entries {
			if at := w.Add(e.Topic, e.Partition, file.Chunk(e)); i == 0 {
				op.Landings = append(op.Landings, log.Landing{File: number, Delta: uint32(at.Pos - e.Pos)})
			}
		}
		return len(op.Landings) < n
	})
	body := w.Finish()
	op.SizeBytes = int64(len(body))
	b.put(segment.Key(op.File), body)
	if v, err := c.Propose(op).Wait(soon()); err != nil || v.Kind() != base.OK {
		b.t.Fatal(err, v)
	}
}

// Files that ride, and those that landed, are read and checked like any other.
func TestSoundRiders(t *testing.T) {
	b := ridden(t, memstore.New(time.Now))
	b.snapshot(0)
	r := b.check(fsck.Options{})
	if len(r.Problems) != 0 || r.Files != 4 || r.FilesRead != 4 || r.Records != 36 || r.Extents != 12 || r.Batches != 12 {
		t.Errorf("%+v", r)
	}
	if quick := b.check(fsck.Options{Quick: true}); quick.Files != 4 || quick.FilesRead != 0 || len(quick.Problems) != 0 {
		t.Errorf("quick: %+v", quick)
	}
}

// What is wrong with a file that rides, or with one that others landed in, is named with the records that are lost.
func TestDamagedRiders(t *testing.T) {
	for _, test := range []struct {
		name  string
		do    func(b *bed, slot base.Slot) (key string)
		texts []string
	}{
		{"the slot is gone", func(b *bed, slot base.Slot) string {
			b.delete(journal.EntryKey(slot))
			return journal.EntryKey(slot)
		}, []string{"rides in it; lost are orders-0 offsets 9 to 11, orders-1 offsets 9 to 11"}},
		{"another entry is in the slot", func(b *bed, slot base.Slot) string {
			b.put(journal.EntryKey(slot), b.get(journal.EntryKey(slot-1)))
			return journal.EntryKey(slot)
		}, []string{"it is not there; in it lie orders-0 offsets 9 to 11"}},
		{"the file is damaged", func(b *bed, slot base.Slot) string {
			b.put(journal.EntryKey(slot), spoilt(b, slot))
			return journal.EntryKey(slot)
		}, []string{"checksum", "in it lie orders-0 offsets 9 to 11"}},
		{"the file that others landed in is gone", func(b *bed, slot base.Slot) string {
			key := b.keys(segment.Prefix)[0]
			b.delete(key)
			return key
		}, []string{"lost are orders-0 offsets 0 to 2, orders-1 offsets 0 to 2, orders-0 offsets 3 to 5 and 3 more runs of records"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := ridden(t, memstore.New(time.Now))
			_, s := b.replica()
			b.snapshot(0) // so that the journal need not be whole
			key := test.do(b, s.Log.OldestRide())
			r := b.check(fsck.Options{})
			for _, p := range r.Problems {
				if found := p.Key == key && p.Severity == fsck.Damage; found && contains(p.Text, test.texts) {
					return
				}
			}
			t.Errorf("want damage of %s: %q, got %+v", key, test.texts, r.Problems)
		})
	}
}

func contains(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// spoilt is an entry whose rider has a wrong byte, with the entry's own checksum right.
func spoilt(b *bed, slot base.Slot) []byte {
	e, err := journal.DecodeEntry(b.get(journal.EntryKey(slot)))
	if err != nil {
		b.t.Fatal(err)
	}
	riders, err := meta.Riders(e.Payload)
	if err != nil || len(riders) != 1 {
		b.t.Fatal(err)
	}
	riders[0].Body[30] ^= 1 // shares memory with the payload
	object, err := journal.EncodeEntry(e.Header, e.Payload)
	if err != nil {
		b.t.Fatal(err)
	}
	return object
}

// Slots that a snapshot stands for stay as long as something rides in them, or before them: they are not garbage.
func TestKeptSlotsAreNotGarbage(t *testing.T) {
	now := time.Now()
	b := ridden(t, memstore.New(func() time.Time { return now }))
	_, s := b.replica()
	b.snapshot(0)
	now = now.Add(2 * time.Hour)
	var early []string
	for n := base.Slot(1); n < s.Log.OldestRide(); n++ {
		early = append(early, journal.EntryKey(n))
	}
	b.delete(early...)
	if r := b.check(fsck.Options{}); len(r.Problems) != 0 || r.Records != 36 || r.FirstSlot == 0 {
		t.Errorf("%+v", r)
	}
	b.put(early[1], []byte("late"))
	if r := b.check(fsck.Options{}); r.Garbage != 1 || len(r.Problems) != 1 || r.Problems[0].Key != early[1] {
		t.Errorf("%+v", r)
	}
}
