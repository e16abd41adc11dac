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
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// sent puts an entry that a writer sent when it had believed a slot, and gives its hash.
func (b *bed) sent(slot, believed base.Slot, prev [32]byte) (hash [32]byte) {
	b.t.Helper()
	object, err := journal.EncodeEntry(journal.Header{Slot: slot, Prev: prev, Writer: 1, Level: journal.FlightLevel, DigestSlot: believed}, []byte{0})
	if err != nil {
		b.t.Fatal(err)
	}
	b.put(journal.EntryKey(slot), object)
	e, err := journal.DecodeEntry(object)
	if err != nil {
		b.t.Fatal(err)
	}
	return e.Hash
}

// said lists what was found of a severity.
func said(r fsck.Report, s fsck.Severity) string {
	var all []string
	for _, p := range r.Problems {
		if p.Severity == s {
			all = append(all, p.Key+": "+p.Text)
		}
	}
	return strings.Join(all, "\n")
}

// A writer that died with several entries under way leaves an empty slot: that is where the journal ends, until the next one fills it.
func TestHoleOfAWriterThatDied(t *testing.T) {
	b := filled(t, memstore.New(time.Now))
	l, s := b.replica()
	end, _ := l.Position()
	b.sent(end+3, s.Slot, b.sent(end+2, s.Slot, [32]byte{1}))
	r := b.check(fsck.Options{})
	if notes := said(r, fsck.Note); !r.OK() || !strings.Contains(notes, journal.EntryKey(end+1)+": the entry is not there") || r.LastSlot != s.Slot {
		t.Errorf("last slot %d of %d, damage %q, notes %q", r.LastSlot, end, said(r, fsck.Damage), notes)
	}
	b.serve(func(_ *control.Control, i *ingest.Ingest) { b.produce(i, 6) })
	r = b.check(fsck.Options{})
	if !r.OK() || r.VoidEntries != 2 || r.LastSlot <= end+3 {
		t.Errorf("filled: last slot %d, %d void entries, damage %q", r.LastSlot, r.VoidEntries, said(r, fsck.Damage))
	}
}

// An empty slot is damage if an entry behind it says that it was read.
func TestHoleOfADeletion(t *testing.T) {
	for name, story := range map[string]func(b *bed, end base.Slot){
		"its writer had read what is missing": func(b *bed, end base.Slot) { b.sent(end+2, end+1, [32]byte{1}) },
		"the next one's had":                  func(b *bed, end base.Slot) { b.sent(end+3, end+1, b.sent(end+2, end, [32]byte{1})) },
		"it is too far away":                  func(b *bed, end base.Slot) { b.sent(end+1+journal.MaxInFlight, end, [32]byte{1}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := filled(t, memstore.New(time.Now))
			l, _ := b.replica()
			end, _ := l.Position()
			story(b, end)
			if r := b.check(fsck.Options{}); !strings.Contains(said(r, fsck.Damage), journal.EntryKey(end+1)+": the entry is not there") {
				t.Errorf("damage %q, notes %q", said(r, fsck.Damage), said(r, fsck.Note))
			}
		})
	}
}

// Void entries that follow each other were sent side by side, unless the later one's writer had believed the other.
func TestVoidEntriesThatFollowEachOther(t *testing.T) {
	for _, c := range []struct {
		name   string
		beyond base.Slot
		ok     bool
	}{{"side by side", 0, true}, {"one after the other", 1, false}} {
		t.Run(c.name, func(t *testing.T) {
			b := filled(t, memstore.New(time.Now))
			l, s := b.replica()
			end, _ := l.Position()
			b.sent(end+2, s.Slot+c.beyond, b.sent(end+1, s.Slot, [32]byte{1}))
			if r := b.check(fsck.Options{}); r.OK() != c.ok || r.VoidEntries != 2 {
				t.Errorf("%d void entries, damage %q, notes %q", r.VoidEntries, said(r, fsck.Damage), said(r, fsck.Note))
			}
		})
	}
}
