package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func TestVoidEntryIsSkippedByAllAlike(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.append(l, "one")
		b.rawEntry(2, [32]byte{1}, "pipelined behind a lost slot")
		_, status, err := l.Append(ctx, Draft{Payload: []byte("two")})
		b.want(err == nil && status == Lost, "%v, %v", status, err)
		e := b.next(l, Believed, "pipelined behind a lost slot")
		b.want(e.Void, "not void")
		three := b.append(l, "two")
		reader := b.open()
		one := b.next(reader, Believed, "one")
		b.want(b.next(reader, Believed, e2s(e)).Void, "not void for the reader")
		got := b.next(reader, Believed, "two")
		b.want(!got.Void && got.Slot == 3 && got.Prev == one.Hash && got.Hash == three.Hash, "%+v", got.Header)
	})
}

func e2s(e Entry) string { return string(e.Payload) }

func TestEntriesOfAWipedClusterAreVoid(t *testing.T) {
	run(t, func(b *bed) {
		b.rawEntry(1, Genesis("another cluster"), "old")
		b.want(b.next(b.open(), Believed, "old").Void, "valid")
	})
}

func TestAbsenceIsProbedByEachCall(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.next(l, Absent, "")
		b.append(other, "new")
		b.next(l, Believed, "new")
	})
}

func TestGlanceCostsNoListing(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		glance := func(want bool) {
			news, err := l.Glance(ctx)
			b.want(err == nil && news == want, "glance: %t, %v; want %t", news, err, want)
		}
		b.trace(nil)
		glance(false)
		b.want(len(b.calls) == 1, "one request: %q", b.calls)
		b.trace(nil)
		b.append(other, "new")
		glance(true)
		b.next(l, Believed, "new")
		glance(false)
	}, memstore.UnsteadyClock())
}

// What several wrote between two glances is read at the cost of one listing, and the tail that was met is not looked at again.
func TestGlanceOnCostsOneListing(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		on := func(most, found int, end bool) {
			n, met, err := l.GlanceOn(ctx, most)
			b.want(err == nil && n == found && met == end, "glance on: %d, end %t, %v; want %d, %t", n, met, err, found, end)
		}
		on(3, 0, false) // nothing was found by a glance
		for _, payload := range []string{"1", "2", "3"} {
			b.append(other, payload)
		}
		b.trace(nil)
		b.want(must(l.Glance(ctx)), "the first is found")
		on(3, 2, true)
		for _, payload := range []string{"1", "2", "3"} {
			b.next(l, Believed, payload)
		}
		b.want(len(b.calls) == 5, "four reads and a listing: %q", b.calls)

		for _, payload := range []string{"4", "5", "6"} {
			b.append(other, payload)
		}
		b.want(must(l.Glance(ctx)), "the first is found")
		on(1, 1, false)
		for _, payload := range []string{"4", "5", "6"} {
			b.next(l, Believed, payload)
		}
	}, memstore.UnsteadyClock())
}

// Glances alone never tell a sleeper that its slot is truncated: after some of them a proper look is asked for.
func TestGlancesFindTheSleeper(t *testing.T) {
	run(t, func(b *bed) {
		l, _ := truncatedUnder(b)
		glances := 1
		for ; !must(l.Glance(ctx)); glances++ {
			b.want(glances <= glancesMax, "%d glances, and no proper look", glances)
		}
		b.next(l, Reload, "")
	})
}

func TestDamage(t *testing.T) {
	newer := func(e []byte) []byte {
		e = bytes.Clone(e[:len(e)-envelope.TrailerSize])
		e[4] = 99
		return envelope.Seal(e)
	}
	tests := []struct {
		name  string
		spoil func(e []byte) []byte
		cause error
		reads int
	}{
		{"bit", func(e []byte) []byte { e[30] ^= 4; return e }, envelope.ErrDamaged, damageReads},
		{"cut", func(e []byte) []byte { return e[:40] }, envelope.ErrDamaged, damageReads},
		{"empty", func(e []byte) []byte { return nil }, envelope.ErrDamaged, damageReads},
		{"short body", func(e []byte) []byte { return envelope.Append(envelope.Entry, e[12:60]) }, envelope.ErrDamaged, damageReads},
		{"foreign", func(e []byte) []byte { return []byte("<html>this is no entry of a journal</html>") }, envelope.ErrForeign, 1},
		{"too long", func(e []byte) []byte { return make([]byte, MaxEntryBytes+9) }, envelope.ErrForeign, 1},
		{"another slot's", func(e []byte) []byte { return must(EncodeEntry(Header{Slot: 7}, nil)) }, envelope.ErrForeign, 1},
		{"newer", newer, envelope.ErrNewer, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(b *bed) {
				good := must(EncodeEntry(Header{Slot: 1, Prev: Genesis(b.c.ID)}, []byte("payload")))
				must(b.store.Put(ctx, EntryKey(1), test.spoil(good)))
				l := b.open()
				b.trace(nil)
				_, _, err := l.Next(ctx)
				b.want(errors.Is(err, test.cause) && strings.Contains(err.Error(), EntryKey(1)) &&
					strings.Contains(err.Error(), "millrace fsck"), "%v", err)
				b.want((base.KindOf(err) == base.UnsupportedVersion) == (test.cause == envelope.ErrNewer), "kind %d", base.KindOf(err))
				reads := 0
				for _, c := range b.calls {
					if strings.HasPrefix(c, "get") {
						reads++
					}
				}
				b.want(reads == test.reads, "%d reads, want %d: %q", reads, test.reads, b.calls)
			})
		})
	}
}

func TestDamageThatPasses(t *testing.T) {
	run(t, func(b *bed) {
		b.append(b.open(), "one")
		l, reads := b.open(), 0
		good := must(b.store.Store.GetRange(ctx, EntryKey(1), 0, -1)).Body
		b.corrupt(EntryKey(1))
		b.store.hook = func(op, key string, do func() error) error {
			if reads++; reads == 3 {
				must(b.store.Store.Put(ctx, key, good))
			}
			return do()
		}
		b.next(l, Believed, "one")
		b.want(reads == 3, "%d reads", reads)
	})
}

func TestDamageUnderASnapshotDoesNotMatter(t *testing.T) {
	run(t, func(b *bed) {
		l, w := b.open(), b.open()
		b.append(w, "one")
		must(b.snapshot(w, nil))
		b.corrupt(EntryKey(1))
		b.next(l, Reload, "")
	})
}

func TestReadAhead(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		for i := range 100 {
			b.append(w, fmt.Sprint(i))
		}
		l := b.open()
		l.ReadAhead(8, AheadAtStart)
		inFlight, most := 0, 0
		b.trace(func(op, key string, do func() error) error {
			inFlight++
			most = max(most, inFlight)
			b.Sleep(time.Millisecond)
			inFlight--
			return do()
		})
		for i := range 100 {
			b.next(l, Believed, fmt.Sprint(i))
		}
		b.next(l, Absent, "")
		b.want(most == AheadAtStart, "%d requests at once", most)
		b.want(!slices.Contains(b.calls, "list snapshot/"), "it listed")
		b.append(w, "100")
		b.next(l, Believed, "100")
		b.calls = nil
		b.next(l, Absent, "")
		b.want(len(b.calls) == 1, "reads ahead past the tail: %q", b.calls)
	})
}

// A reader that is slower than the writer meets the tail all the same: what reading ahead saw empty counts, once.
func TestReadAheadMeetsTheTail(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		l := b.open()
		b.append(w, "1")
		b.append(w, "2")
		b.trace(nil)
		l.ReadAhead(4, 8)
		b.next(l, Believed, "1")
		b.next(l, Believed, "2")
		b.append(w, "3")
		b.next(l, Absent, "")
		b.want(len(b.calls) == 4+1, "requests: %q", b.calls)
		b.next(l, Believed, "3")
		b.next(l, Absent, "")
		b.append(w, "4")
		l.ReadAhead(4, 8)
		b.next(l, Believed, "4")
	})
}

// Where the bucket's clock proves nothing one listing serves for all that was read before it.
func TestOneListingServesAllThatWasReadAhead(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		for i := range 6 {
			b.append(w, fmt.Sprint(i))
		}
		l := b.open()
		b.trace(nil)
		l.ReadAhead(8, 8)
		for i := range 6 {
			b.next(l, Believed, fmt.Sprint(i))
		}
		b.next(l, Absent, "")
		b.want(len(b.calls) == 8+1, "requests: %q", b.calls)
		b.append(w, "6")
		b.calls = nil
		b.next(l, Believed, "6")
		b.want(len(b.calls) == 2, "requests: %q", b.calls)
	}, memstore.UnsteadyClock())
}

// TestReadAheadIsBounded: entries of full size are read eight at a time.
func TestReadAheadIsBounded(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		for range 20 {
			b.append(w, string(make([]byte, MaxPayloadBytes)))
		}
		l := b.open()
		l.ReadAhead(8, AheadAtStart)
		for range 20 {
			_, status, err := l.Next(ctx)
			b.want(err == nil && status == Believed && len(l.seen) < 8, "%v, %v, %d held", status, err, len(l.seen))
		}
	})
}

func TestOffer(t *testing.T) {
	run(t, func(b *bed) {
		w, l := b.open(), b.open()
		one, two := b.append(w, "one"), b.append(w, "two")
		b.rawEntry(3, [32]byte{}, "void")
		object := func(slot base.Slot) []byte { return must(b.store.Store.GetRange(ctx, EntryKey(slot), 0, -1)).Body }
		b.trace(nil)
		offer := func(object []byte, want bool) Entry {
			e, ok, err := l.Offer(object, time.Time{})
			b.want(err == nil && ok == want, "slot %d: %v, %v", e.Slot, ok, err)
			return e
		}
		o1, o2, o3 := object(1), object(2), object(3)
		offer(o2, false)
		b.want(offer(o1, true).Hash == one.Hash, "another entry")
		offer(o1, false)
		b.want(offer(o2, true).Hash == two.Hash, "another entry")
		_, ok, err := l.Offer(o3[:len(o3)-1], time.Time{})
		b.want(!ok && errors.Is(err, envelope.ErrDamaged), "damaged: %v, %v", ok, err)
		b.want(offer(o3, true).Void, "not void")
		slot, chain := l.Position()
		b.want(slot == 3 && chain == two.Hash && len(b.calls) == 0, "at %d; requests: %q", slot, b.calls)
	})
}

// TestOfferIsNoAnchor: what a peer streams must not prolong what may be believed without a listing.
func TestOfferIsNoAnchor(t *testing.T) {
	run(t, func(b *bed) {
		w, l := b.open(), b.open()
		b.Sleep(testW)
		b.append(w, "one")
		e, _, err := l.Offer(must(b.store.Store.GetRange(ctx, EntryKey(1), 0, -1)).Body, b.Now())
		b.want(err == nil && e.Slot == 1, "%v", err)
		b.trace(nil)
		b.next(l, Absent, "")
		b.want(slices.Contains(b.calls, "list snapshot/"), "believed without a listing: %q", b.calls)
	})
}
