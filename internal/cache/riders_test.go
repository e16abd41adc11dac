package cache

import (
	"bytes"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// ride puts a file of one extent, which begins at byte 16, into an entry, and gives that extent.
func (b *bed) ride(slot base.Slot, n byte, count, size int) Extent {
	body := append(make([]byte, 16), data(count, size)...)
	if b.entries == nil {
		b.entries = map[base.Slot][]log.Rider{}
	}
	b.entries[slot] = append(b.entries[slot], log.Rider{Ref: ref(n), Body: body})
	x := extentOf(n, body, count)
	x.Slot = slot
	return x
}

// What rides in an entry is read by one GET, however many ask for it, and whatever else rides there comes along.
func TestOneGetForAllThatRides(t *testing.T) {
	in(t, MemoryMin, func(b *bed) {
		x, y, z, other := b.ride(5, 1, 3, 200), b.ride(5, 2, 4, 200), b.ride(5, 3, 5, 200), b.ride(6, 4, 1, 200)
		reads := []Read{{Extent: x, Offset: 100, Bytes: 1}, {Extent: y, Offset: 100, Bytes: 1}, {Extent: other, Offset: 100, Bytes: 1}}
		if n := b.cache.Prefetch(reads); n != 3 {
			b.Errorf("%d of 3 reads are under way", n)
		}
		if n := b.walk(x, 100, 50); n != 3 {
			b.Errorf("%d batches", n)
		}
		if n := b.walk(y, 100, 50); n != 4 {
			b.Errorf("%d batches", n)
		}
		if n := b.walk(z, 100, 50); n != 5 {
			b.Errorf("%d batches of the one that came along", n)
		}
		b.walk(other, 100, 50)
		b.got("slot 5", "slot 6")
		if s := b.cache.Stats(); s.Entries != 2 || s.HeldBytes != 0 {
			b.Errorf("%+v", s)
		}
	})
}

// What was put there when it was committed is not read at all.
func TestTailIsServedFromMemory(t *testing.T) {
	in(t, MemoryMin, func(b *bed) {
		x := b.ride(5, 1, 3, 200)
		b.cache.Put(ref(1), bytes.Clone(b.entries[5][0].Body))
		b.walk(x, 100, 1000)
		b.got()
		if b.cache.Whole(ref(1), x.FileBytes) == nil || b.cache.Whole(ref(1), x.FileBytes+1) != nil || b.cache.Whole(ref(2), x.FileBytes) != nil {
			b.Error("which files are there as a whole is told wrong")
		}
	})
}

// The entry's memory is not kept for what was wanted of it.
func TestEntriesAreNotKept(t *testing.T) {
	in(t, MemoryMin, func(b *bed) {
		x := b.ride(5, 1, 3, 200)
		v := b.open(x, 100, 1000)
		defer v.Release()
		if body := b.entries[5][0].Body; &bytesOf(&v, 0, 10)[0] == &body[16] {
			b.Error("the bytes are those of the entry")
		}
	})
}

// An entry that is gone, or bears other files, is a missing file, which may have landed; so may one whose entry is damaged. It is
// believed for a while, and seen when the entry is back.
func TestRiderThatIsNotThere(t *testing.T) {
	in(t, MemoryMin, func(b *bed) {
		gone, other, bad, short := b.ride(5, 1, 3, small), b.ride(5, 2, 3, small), b.ride(7, 3, 3, small), b.ride(8, 4, 3, small)
		whole := b.entries[7]
		b.entries[7] = nil
		gone.Slot, other.File = 6, ref(9)
		short.FileBytes, short.Len, short.Count = short.FileBytes+500, short.Len+500, short.Count+2
		for _, test := range []struct {
			what    string
			x       Extent
			kind    base.Kind
			missing bool
			gets    []string
		}{
			{"the slot is gone", gone, base.StorageError, true, []string{"slot 6"}},
			{"it does not ride there", other, base.StorageError, true, []string{"slot 5"}},
			{"the entry is damaged", bad, base.CorruptMessage, false, []string{"slot 7"}},
		} {
			for range 3 {
				_, _, err := b.next(test.x, 102)
				e := fileError(err)
				if base.KindOf(err) != test.kind || e.Missing != test.missing || !e.MayHaveMoved() || e.Slot != test.x.Slot || e.From != int64(test.x.Pos) || e.To != test.x.FileBytes {
					b.Errorf("%s: %v", test.what, err)
				}
			}
			b.got(test.gets...)
		}
		b.served(short, 100, 106)
		b.refused(short, 106, short.FileBytes-500, short.FileBytes)

		b.entries[6], b.entries[7] = b.entries[5], whole
		b.env.Sleep(badKept)
		b.served(gone, 100, 106)
		b.served(bad, 100, 106)
		if s := b.cache.Stats(); s.HeldBytes != 0 || len(b.cache.rides) != 0 {
			b.Errorf("%+v, %d entries are waited for", s, len(b.cache.rides))
		}
	})
}

// A batch that is damaged in memory, or where it came from, is read from the journal.
func TestDamagedBatchOfARider(t *testing.T) {
	in(t, MemoryMin, func(b *bed) {
		x := b.ride(5, 1, 3, small)
		b.cache.Put(ref(1), flip(16+100)(bytes.Clone(b.entries[5][0].Body)))
		b.served(x, 100, 106)
		b.got("slot 5")
	})
}

// Few entries are read at a time: each may be large.
func TestFewEntriesAtOnce(t *testing.T) {
	in(t, MemoryMin, func(b *bed) {
		var reads []Read
		for n := range byte(12) {
			reads = append(reads, Read{Extent: b.ride(base.Slot(n+1), n, 1, 200), Offset: 100, Bytes: 1})
		}
		began := b.env.Now()
		b.cache.Prefetch(reads)
		for _, r := range reads {
			b.walk(r.Extent, 100, 10)
		}
		if took := b.env.Now().Sub(began); took != 30*time.Millisecond {
			b.Errorf("12 entries of 10 ms each took %v, want four at a time", took)
		}
	})
}
