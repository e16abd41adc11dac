package fetch_test

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// land moves all that rides into one data file, and deletes the slots it rode in.
func (b *bed) land() {
	b.Helper()
	c := segment.NewBuilder(0)
	op := &log.LandFiles{File: base.FileRef{ID: base.ULID{9, 15: 9}}, LastModified: b.control.Now()}
	var slots []string
	b.control.View().Log.Riders(func(n uint64, f log.File) bool {
		riders, err := control.ReadRiders(b.Context(), b.store, base.Slot(f.In))
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range riders {
			if r.Ref != f.Ref {
				continue
			}
			file, err := segment.Parse(r.Body)
			if err != nil {
				b.Fatal(err)
			}
			for i, e := range file.Entries {
				if at := c.Add(e.Topic, e.Partition, file.Part(e)); i == 0 {
					op.Landings = append(op.Landings, log.Landing{File: n, Delta: uint32(at.Pos - e.Pos)})
				}
			}
		}
		slots = append(slots, journal.EntryKey(base.Slot(f.In)))
		return true
	})
	body := c.Finish()
	op.SizeBytes = int64(len(body))
	if _, err := b.store.Put(b.Context(), segment.Key(op.File), body); err != nil {
		b.Fatal(err)
	}
	if v := b.propose(op); v.Kind() != base.OK {
		b.Fatal(v.Kind(), v.Text())
	}
	if err := b.store.Delete(b.Context(), slots...); err != nil {
		b.Fatal(err)
	}
}

// What rides is read from memory at the tail, from the journal by those that have not seen it, and from the file it landed in by
// those that come later.
func TestWhereRidersAreReadFrom(t *testing.T) {
	store := memstore.New(time.Now)
	a, b := start(t, settings{store: store, rides: true, fill: true}), start(t, settings{store: store, rides: true, fill: true})
	id := a.topic("orders", 2)
	for n := range 3 {
		a.produce(id, 0, plain(3*n, 3, 0))
		a.produce(id, 1, plain(3*n, 3, 0))
	}
	all := func(x *bed, what string, gets, entries int64) {
		t.Helper()
		r := x.read(want(id, 0, 0), want(id, 1, 3))
		if got := x.parse(r.Partitions[0]); len(got) != 3 || got[2].BaseOffset() != 6 {
			t.Errorf("%s: partition 0: %d batches, %v", what, len(got), r.Partitions[0].Kind)
		}
		if got := x.parse(r.Partitions[1]); len(got) != 2 || got[0].BaseOffset() != 3 {
			t.Errorf("%s: partition 1: %d batches, %v", what, len(got), r.Partitions[1].Kind)
		}
		if r.Release != nil {
			r.Release()
		}
		if s := x.cache.Stats(); s.Gets != gets || s.Entries != entries {
			t.Errorf("%s: %d GETs, %d of them of entries; want %d, %d", what, s.Gets, s.Entries, gets, entries)
		}
	}
	all(a, "who wrote it", 0, 0)
	if _, err := b.control.Barrier(soon()); err != nil {
		t.Fatal(err)
	}
	all(b, "who followed", 0, 0)
	cold := start(t, settings{store: store, rides: true})
	all(cold, "who started later", 5, 5)
	all(cold, "again", 5, 5)
	a.land()
	if _, err := cold.control.Barrier(soon()); err != nil {
		t.Fatal(err)
	}
	all(cold, "after it landed", 6, 5)
	if offset, at, err := cold.fetch.AtTime(cold.control.View(), id, 1, 1004, false, soon()); offset != 4 || at != 1004 || err != nil {
		t.Errorf("by time: %d, %d, %v", offset, at, err)
	}
}

// A reader whose View is behind finds the slot gone: it catches up, and reads what has landed.
func TestRiderLandedUnderAReader(t *testing.T) {
	store := memstore.New(time.Now)
	a, b := start(t, settings{store: store, rides: true}), start(t, settings{store: store, rides: true})
	id := a.topic("orders", 1)
	a.produce(id, 0, plain(0, 3, 0))
	a.produce(id, 0, plain(3, 3, 0))
	if _, err := b.control.Barrier(soon()); err != nil {
		t.Fatal(err)
	}
	behind := b.control.View()
	a.land()
	if p := b.only(b.read(want(id, 0, 3))); p.Kind != base.OK || len(b.parse(p)) != 1 {
		t.Fatalf("%+v", p)
	}
	if offset, _, err := b.fetch.AtTime(behind, id, 0, 1001, false, soon()); offset != 1 || err != nil {
		t.Errorf("by time: %d, %v", offset, err)
	}
}

// A slot that is gone, or damaged, though something rides in it by all that is known is loss: told as that of a data file is, with the
// entry's name, after one look whether it has landed. When the entry is back its records are.
func TestRiderLost(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   base.Kind
		damage func(b *bed, key string)
		text   string
	}{
		{"gone", base.StorageError, func(b *bed, key string) {
			if err := b.store.Delete(b.Context(), key); err != nil {
				b.Fatal(err)
			}
		}, "journal entry is missing"},
		{"damaged", base.CorruptMessage, func(b *bed, key string) {
			b.damage(key, func(body []byte) []byte { body[len(body)/2] ^= 1; return body })
		}, "journal entry in the bucket is damaged"},
		{"another", base.StorageError, func(b *bed, key string) {
			first, err := b.store.GetRange(b.Context(), journal.EntryKey(1), 0, -1)
			if err != nil {
				b.Fatal(err)
			}
			b.damage(key, func([]byte) []byte { return first.Body })
		}, "not the one in which records ride"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, settings{rides: true})
			id := b.topic("orders", 1)
			b.produce(id, 0, plain(0, 3, 0))
			key := journal.EntryKey(b.control.View().Log.OldestRide())
			whole, err := b.store.GetRange(t.Context(), key, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			test.damage(b, key)
			for range 5 {
				if p := b.only(b.read(want(id, 0, 0))); p.Kind != test.kind || p.HighWatermark != 3 {
					t.Fatalf("%+v", p)
				}
			}
			if a := b.alarms(); len(a) != 1 || a[0] != (fetch.Damage{File: key, Missing: test.kind == base.StorageError, Reads: 5}) {
				t.Errorf("%+v", a)
			}
			if n := b.lines(test.text, key, "orders"); n != 1 {
				t.Errorf("%d lines of:\n%s", n, b.log)
			}
			if _, err := b.store.Put(t.Context(), key, whole.Body); err != nil {
				t.Fatal(err)
			}
			b.clock.forward(6 * time.Second)
			if p := b.only(b.read(want(id, 0, 0))); p.Kind != base.OK || len(b.parse(p)) != 1 {
				t.Errorf("mended: %+v", p)
			}
		})
	}
}

// An entry that is damaged under a reader that is behind is no loss if what rode in it has landed.
func TestDamagedEntryOfWhatLanded(t *testing.T) {
	store := memstore.New(time.Now)
	a, b := start(t, settings{store: store, rides: true}), start(t, settings{store: store, rides: true})
	id := a.topic("orders", 1)
	a.produce(id, 0, plain(0, 3, 0))
	if _, err := b.control.Barrier(soon()); err != nil {
		t.Fatal(err)
	}
	key := journal.EntryKey(b.control.View().Log.OldestRide())
	a.land()
	if _, err := store.Put(t.Context(), key, []byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	if p := b.only(b.read(want(id, 0, 0))); p.Kind != base.OK || len(b.parse(p)) != 1 || len(b.alarms()) != 0 {
		t.Fatalf("%+v, %v", p, b.alarms())
	}
}
