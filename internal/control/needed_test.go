package control

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Slots after an agent's own are kept, as it does not know what rides there; of the others, those from the first rider on.
func TestNeededSlots(t *testing.T) {
	s := meta.New()
	apply := func(e log.Event) {
		t.Helper()
		if err := s.Log.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(at, want base.Slot) {
		t.Helper()
		if got := needed(at, s); got != want {
			t.Errorf("at slot %d: from slot %d on, want %d", at, got, want)
		}
	}
	expect(0, 1)
	expect(41, 42)
	s.Begin(5, 0)
	apply(&log.TopicCreated{Number: 1, ID: base.TopicID{1}, Name: "t", Partitions: 1})
	rides := func(file uint64) log.Event {
		return &log.SegmentRode{SegmentCommitted: log.SegmentCommitted{File: file, Ref: base.FileRef{ID: base.ULID{15: byte(file)}}, SizeBytes: 9,
			Batches: []log.Appended{{Key: base.KeyOf(1, 0), Base: int64(file) - 1, Len: 9, Count: 1, ProducerID: -1}}}, Body: make([]byte, 9)}
	}
	apply(rides(1))
	s.Begin(7, 0)
	apply(rides(2))
	expect(41, 5)
	apply(&log.Trimmed{Key: base.KeyOf(1, 0), Start: 1})
	expect(41, 7)
	apply(&log.FilesLanded{File: 3, Ref: base.FileRef{ID: base.ULID{15: 3}}, SizeBytes: 20, Landings: []log.Landing{{File: 2}}})
	expect(41, 42)
}
