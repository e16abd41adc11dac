package fsck_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
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
	b.landings++
	op := &log.LandFiles{File: base.FileRef{ID: base.ULID{9, 15: b.landings}}, LastModified: c.Now()}
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
			if at := w.Add(e.Topic, e.Partition, file.Part(e)); i == 0 {
				op.Landings = append(op.Landings, log.Landing{File: number, Delta: uint32(at.Pos - e.Pos)})
			}
		}
		return len(op.Landings) < n
	})
	if len(op.Landings) == 0 {
		return
	}
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
		}, []string{"does not ride in the entry", "lost are orders-0 offsets 9 to 11"}},
		{"the file is damaged", func(b *bed, slot base.Slot) string {
			b.put(journal.EntryKey(slot), spoilt(b, slot))
			return journal.EntryKey(slot)
		}, []string{"checksum", "damaged in it are orders-0 offsets 9 to 11"}},
		{"the entry is damaged", func(b *bed, slot base.Slot) string {
			b.flip(journal.EntryKey(slot), 60)
			return journal.EntryKey(slot)
		}, []string{"the entry cannot be read, and segment", "rides in it", "lost are orders-0 offsets 9 to 11, orders-1 offsets 9 to 11"}},
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
	riders[0].Body[16+70] ^= 1 // shares memory with the payload
	object, err := journal.EncodeEntry(e.Header, e.Payload)
	if err != nil {
		b.t.Fatal(err)
	}
	return object
}

// rode is an aged bed with riders, three of which have landed, and a snapshot that all rules but one let things be deleted for.
func rode(t *testing.T) (b *aged, first base.Slot) {
	t.Helper()
	b = &aged{now: time.Now()}
	b.bed = ridden(t, memstore.New(func() time.Time { return b.now }))
	_, s := b.replica()
	b.snapshot(0)
	b.pass(2 * time.Hour)
	return b, s.Log.OldestRide()
}

// Slots that a snapshot stands for stay as long as something rides in them, or before them: a repair deletes those before alone.
func TestRepairSparesWhatRides(t *testing.T) {
	b, first := rode(t)
	before := b.check(fsck.Options{})
	if want := journal.EntryKey(1); before.Garbage != 1 || before.Problems[0].Key != want || !strings.Contains(before.Problems[0].Text, fmt.Sprintf("%d entries up to %s", first-1, journal.EntryKey(first-1))) {
		t.Errorf("%+v", before)
	}
	if r := b.check(fsck.Options{Repair: true}); !r.OK() || r.Deleted.Entries != int(first)-1 || b.keys("journal/")[0] != journal.EntryKey(first) {
		t.Errorf("first rides something in slot %d: %+v", first, r)
	}
	if r := b.check(fsck.Options{Repair: true}); len(r.Problems) != 0 || r.Records != 36 || r.Repairable != 0 {
		t.Errorf("after that: %+v", r)
	}
	b.put(journal.EntryKey(2), []byte("late"))
	if r := b.check(fsck.Options{Repair: true}); r.Deleted.Entries != 1 || b.has(journal.EntryKey(2)) {
		t.Errorf("a late PUT: %+v", r)
	}

	b.serve(func(c *control.Control, _ *ingest.Ingest) { b.land(c, 6) })
	b.snapshot(0)
	b.pass(2 * time.Hour)
	if r := b.check(fsck.Options{Repair: true}); !r.OK() || r.Records != 36 || len(b.keys("journal/")) != 0 {
		t.Errorf("all has landed: %+v", r)
	}
	if r := b.check(fsck.Options{}); len(r.Problems) != 0 || r.Records != 36 || r.Files != 2 {
		t.Errorf("%+v", r)
	}
}

// Beside a damaged entry that a snapshot stands for, but in which something rides, nothing is repaired.
func TestNoRepairBesideADamagedRider(t *testing.T) {
	b, first := rode(t)
	b.flip(journal.EntryKey(first), 60)
	before := b.contents()
	if r := b.check(fsck.Options{Repair: true}); r.OK() || r.Refused == "" || b.contents() != before {
		t.Errorf("%+v", r)
	}
}

// What rides in an entry that is younger than the listing is checked like the rest; an entry that goes while it is looked for
// has the check begin anew.
func TestRidersBesideAnAgent(t *testing.T) {
	b, first := rode(t)
	store := &hooked{Store: b.store, prefix: segment.Prefix, n: 1, f: func() {
		b.serve(func(c *control.Control, _ *ingest.Ingest) { b.land(c, 6) })
		b.delete(journal.EntryKey(first))
	}}
	if r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{}); err != nil || !r.OK() || r.Records != 36 || r.Files != 2 {
		t.Errorf("%v, %+v", err, r)
	}
}

// Riders and the files they landed in are told apart from orphans, and bytes that are referred to twice are found in both.
func TestBytesReferredToTwiceInAContainer(t *testing.T) {
	b := &bed{t: t, store: memstore.New(time.Now), rides: true}
	b.serve(func(c *control.Control, i *ingest.Ingest) {
		if v, err := c.Propose(&log.CreateTopic{Name: "orders", ID: topic, Partitions: 4}).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(err, v)
		}
		b.produce(i, 0)
		b.produce(i, 1)
		var op log.LandFiles
		size := int64(0)
		c.View().Log.Riders(func(n uint64, f log.File) bool {
			op.Landings = append(op.Landings, log.Landing{File: n})
			size = max(size, f.SizeBytes)
			return true
		})
		op.File, op.SizeBytes, op.LastModified = base.FileRef{ID: base.ULID{9}}, size+50, c.Now()
		b.put(segment.Key(op.File), make([]byte, op.SizeBytes))
		if v, err := c.Propose(&op).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(err, v)
		}
	})
	r := b.check(fsck.Options{Quick: true})
	if r.Damage != 2 || !strings.Contains(r.Problems[0].Text, "are referred to twice: by orders-0 offsets 0 to 2, and by orders-0 offsets 3 to 5") {
		t.Errorf("%+v", r)
	}
}
