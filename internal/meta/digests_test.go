package meta_test

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
)

// The digests of the last states are there, each of its own, and older ones are let go.
func TestDigests(t *testing.T) {
	var d meta.Digests
	if _, ok := d.At(0); ok {
		t.Error("there is one of no entry")
	}
	s, want := meta.New(), map[base.Slot]uint64{}
	for slot := base.Slot(3); slot < 100; slot += 3 { // void entries lie between
		s = s.Fork()
		s.Begin(slot, base.Millis(slot))
		d.Add(s)
		want[slot] = s.Digest()
	}
	for slot := base.Slot(0); slot < 103; slot++ {
		got, ok := d.At(slot)
		if kept := slot > 99-16*3 && slot%3 == 0 && slot < 100; ok != kept || ok && got != want[slot] {
			t.Errorf("slot %d: %x, %t; want %x, %t", slot, got, ok, want[slot], kept)
		}
	}
}
