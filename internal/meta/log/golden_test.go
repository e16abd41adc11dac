package log

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

func sampleCommands() []Command {
	id, v := base.TopicID{1, 2, 15: 3}, "5"
	return []Command{
		&CreateTopic{Name: "t", ID: id, Partitions: 3, Configs: []config.KV{{Name: "retention.ms", Value: "5"}}},
		&DeleteTopic{ID: id},
		&CreatePartitions{ID: id, Count: 4},
		&ConfigureTopic{ID: id, Replace: true, Ops: []config.Op{{Name: "retention.ms", Value: &v}, {Name: "x", Kind: config.Delete}}},
		&CommitSegment{File: base.FileRef{Store: 2, ID: ulidOf(1)}, SizeBytes: 300, LastModified: 1000, Batches: []Batch{
			{Topic: id, Partition: 1, Pos: 16, Len: 100, Count: 5, MaxTimestamp: -1, ProducerID: 9, Epoch: 2, BaseSequence: 7},
			{Topic: id, Partition: 2, Pos: 116, Len: 100, Count: 1, MaxTimestamp: 8, ProducerID: -1}}},
		&AllocateProducerIDs{Count: 10},
		&DeleteRecords{ID: id, Index: 1, Offset: -1},
		&Retain{ID: id, Index: 1, Start: 3},
		&ExpireProducers{ID: id, Index: 1, AfterMs: 4},
		&CommitSegment{File: base.FileRef{ID: ulidOf(2)}, SizeBytes: 3, Body: []byte("abc"), Batches: []Batch{
			{Topic: id, Partition: 1, Pos: 1, Len: 2, Count: 1, MaxTimestamp: 8, ProducerID: -1}}},
		&LandFiles{File: base.FileRef{ID: ulidOf(3)}, SizeBytes: 300, LastModified: 1000, Landings: []Landing{{2, 0}, {3, 100}}},
		&MergeExtents{File: base.FileRef{ID: ulidOf(4)}, SizeBytes: 500, LastModified: 1000, Stretches: []MergeStretch{
			{Topic: id, Partition: 1, Stretch: Stretch{Base: 5, Extents: 2}, Pos: 16, Hash: 0x1234}}},
		&RemoveFiles{Files: []uint64{1, 3}},
	}
}

// sampleEvents can be applied one after the other.
func sampleEvents() []Event {
	id := base.TopicID{1, 2, 15: 3}
	key := base.KeyOf(1, 1)
	return []Event{
		&TopicCreated{Number: 1, ID: id, Name: "t.x", Partitions: 2, Configs: []config.KV{{Name: "retention.ms", Value: "5"}}, At: 1000},
		&PartitionsCreated{Number: 1, Count: 3},
		&TopicConfigured{Number: 1, Configs: []config.KV{{Name: "retention.bytes", Value: "7"}}},
		&ProducerIDsAllocated{First: 1, Count: 10},
		&SegmentCommitted{File: 1, Ref: base.FileRef{Store: 2, ID: ulidOf(1)}, SizeBytes: 300, LastModified: 1000, At: 1001, Batches: []Appended{
			{Key: key, Pos: 16, Len: 100, Count: 5, MaxTimestamp: -1, ProducerID: 9, Epoch: 2, BaseSequence: 7},
			{Key: key, Base: 5, Pos: 200, Len: 100, Count: 1, MaxTimestamp: 8, ProducerID: -1}}},
		&SegmentRode{SegmentCommitted: SegmentCommitted{File: 2, Ref: base.FileRef{ID: ulidOf(2)}, SizeBytes: 3, LastModified: 1001, At: 1001, Batches: []Appended{
			{Key: key, Base: 6, Pos: 1, Len: 2, Count: 1, MaxTimestamp: 8, ProducerID: -1}}}, Body: []byte("abc")},
		&FilesLanded{File: 3, Ref: base.FileRef{ID: ulidOf(3)}, SizeBytes: 300, LastModified: 1002, Landings: []Landing{{2, 100}}},
		&Trimmed{Key: key, Start: 5, At: 1002},
		&ProducersExpired{Key: key, IDs: []int64{9}},
		&ExtentsMerged{File: 4, Ref: base.FileRef{ID: ulidOf(4)}, SizeBytes: 500, LastModified: 1002, At: 1002, Stretches: []MergedStretch{
			{Key: key, Stretch: Stretch{Base: 5, Extents: 2}, Pos: 16}}},
		&FilesRemoved{Files: []uint64{3}},
		&TopicDeleted{Number: 1, At: 1003},
	}
}

func sampleReply() *Reply {
	return &Reply{Kind: base.InvalidConfig, Text: "no", Topic: base.TopicID{1}, Partitions: 3, ProducerID: 5, Offset: 7,
		Batches: []BatchReply{{Kind: base.OutOfOrderSequenceNumber, Base: -1, Start: 2}, {Base: 6, Start: 2}}}
}

// sampleState has something of everything: full chunks, few and many producers.
func sampleState(tb testing.TB) *State {
	w := newWorld(tb, 2)
	for round := range ChunkExtents + 2 {
		w.apply(tb, w.segment(0, 1, int64(round%2), round/2))
		w.apply(tb, w.segment(1, 1, int64(round), 0))
	}
	w.s.Begin(2)
	for range 3 {
		w.apply(tb, w.rider(0, 2, -1, 0))
	}
	last := w.s.nextFile - 1
	w.apply(tb, &FilesLanded{File: last + 1, Ref: base.FileRef{ID: ulidOf(last + 1)}, SizeBytes: 5000, LastModified: w.now, Landings: []Landing{{last - 2, 0}, {last - 1, 2000}}})
	return w.s
}

// TestGolden pins every encoding: what is in a bucket has to be read for ever.
func TestGolden(t *testing.T) {
	var out strings.Builder
	for _, c := range sampleCommands() {
		fmt.Fprintf(&out, "command %d %x\n", c.Tag(), encoded(c))
	}
	fmt.Fprintf(&out, "reply %x\n", encoded(sampleReply()))
	s := New()
	s.Begin(7)
	for _, e := range sampleEvents() {
		fmt.Fprintf(&out, "event %d %x\n", e.Tag(), encoded(e))
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		writeParts(&out, s)
	}
	out.WriteString("all\n")
	writeParts(&out, sampleState(t))
	const file = "testdata/golden.txt"
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the encodings are no longer those of %s:\n%s", file, out.String())
	}
}

func writeParts(out *strings.Builder, s *State) {
	parts := dump(s)
	for _, k := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(out, "  part %s %x\n", k, parts[k])
	}
}

// TestEveryTagIsSampled: no command or event is left out of the samples, and tags are of this room.
func TestEveryTagIsSampled(t *testing.T) {
	commands, events := map[int]bool{}, map[int]bool{}
	for _, c := range sampleCommands() {
		commands[int(c.Tag())] = true
	}
	for _, e := range sampleEvents() {
		events[int(e.Tag())] = true
	}
	for tag := range 256 {
		if known := DecodeCommand(uint8(tag), &codec.Reader{}) != nil; known != commands[tag] || known && (tag < 1 || tag > 63) {
			t.Errorf("command %d: known %t, sampled %t", tag, known, commands[tag])
		}
		if known := DecodeEvent(uint8(tag), &codec.Reader{}) != nil; known != events[tag] || known && (tag < 1 || tag > 63) {
			t.Errorf("event %d: known %t, sampled %t", tag, known, events[tag])
		}
	}
}

// TestOutOfRangeIsMalformed: what does not fit is refused, not cut down to something that does.
func TestOutOfRangeIsMalformed(t *testing.T) {
	id := make([]byte, 16)
	write := func(f func(w *codec.Writer)) []byte {
		var w codec.Writer
		f(&w)
		return w.B
	}
	for name, c := range map[string]struct {
		tag  uint8
		body []byte
	}{
		"partitions of 33 bits": {tagCreatePartitions, write(func(w *codec.Writer) { w.Raw(id); w.Varint(1 << 32) })},
		"index of 33 bits":      {tagRetain, write(func(w *codec.Writer) { w.Raw(id); w.Varint(-1 << 32); w.Varint(0) })},
		"ids of 33 bits":        {tagAllocateProducerIDs, write(func(w *codec.Writer) { w.Varint(1<<32 + 5) })},
	} {
		r := &codec.Reader{B: c.body}
		if DecodeCommand(c.tag, r); r.Done() == nil {
			t.Errorf("command with %s was taken", name)
		}
	}
	for name, c := range map[string]struct {
		tag  uint8
		body []byte
	}{
		"topic number of 33 bits": {tagTopicDeleted, write(func(w *codec.Writer) { w.Uvarint(1 << 32); w.Varint(0) })},
		"count of 33 bits":        {tagPartitionsCreated, write(func(w *codec.Writer) { w.Uvarint(1); w.Varint(1 << 32) })},
		"more landings than bytes": {tagFilesLanded, write(func(w *codec.Writer) {
			w.Uvarint(1)
			w.Raw(make([]byte, 17))
			w.Raw([]byte{0, 0})
			w.Uvarint(1 << 40)
		})},
		"more body than bytes": {tagSegmentRode, write(func(w *codec.Writer) {
			w.Uvarint(1)
			w.Raw(make([]byte, 17))
			w.Raw([]byte{0, 0, 0, 0})
			w.Uvarint(1 << 40)
		})},
		"more ids than bytes": {tagProducersExpired, write(func(w *codec.Writer) { w.Uint64(0); w.Uvarint(1 << 40) })},
		"index of 32 bits": {tagSegmentCommitted, write(func(w *codec.Writer) {
			w.Uvarint(1)
			w.Raw(make([]byte, 17))
			w.Raw([]byte{0, 0, 0, 1, 1})
			w.Uvarint(1 << 31)
			w.Raw(make([]byte, 20))
		})},
	} {
		r := &codec.Reader{B: c.body}
		if DecodeEvent(c.tag, r); r.Err == nil {
			t.Errorf("event with %s was taken", name)
		}
	}
}

// TestMisfits: events that do not fit the state are refused.
func TestMisfits(t *testing.T) {
	base0 := New()
	base0.Begin(7)
	for _, e := range sampleEvents()[:8] {
		if err := base0.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	key := base.KeyOf(1, 1)
	segment := func(a Appended) Event {
		return &SegmentCommitted{File: 4, Ref: base.FileRef{ID: ulidOf(4)}, SizeBytes: 100, Batches: []Appended{a}}
	}
	good := Appended{Key: key, Base: 7, Len: 1, Count: 1, ProducerID: -1}
	rides := func(body int, batches ...Appended) Event {
		return &SegmentRode{SegmentCommitted: SegmentCommitted{File: 4, Ref: base.FileRef{ID: ulidOf(4)}, SizeBytes: 100, Batches: batches}, Body: make([]byte, body)}
	}
	rider := base0.Fork()
	if err := rider.Apply(rides(100, good)); err != nil {
		t.Fatal(err)
	}
	lands := func(in uint64, size int64, landings ...Landing) Event {
		return &FilesLanded{File: in, Ref: base.FileRef{ID: ulidOf(5)}, SizeBytes: size, Landings: landings}
	}
	for name, e := range map[string]Event{
		"nothing lands":         lands(5, 200),
		"number of the file":    lands(4, 200, Landing{4, 0}),
		"a file that landed":    lands(5, 200, Landing{2, 0}),
		"a file of its own":     lands(5, 200, Landing{1, 0}),
		"a file that is not":    lands(5, 200, Landing{9, 0}),
		"a file twice":          lands(5, 500, Landing{4, 0}, Landing{4, 200}),
		"past the end":          lands(5, 199, Landing{4, 100}),
		"past all positions":    lands(5, 1<<40, Landing{4, 1<<32 - 1}),
		"in a name that is had": &FilesLanded{File: 5, Ref: base.FileRef{ID: ulidOf(3)}, SizeBytes: 200, Landings: []Landing{{4, 0}}},
	} {
		if err := rider.Fork().Apply(e); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	merges := func(in uint64, size int64, stretches ...MergedStretch) Event {
		return &ExtentsMerged{File: in, Ref: base.FileRef{ID: ulidOf(4)}, SizeBytes: size, Stretches: stretches}
	}
	both := MergedStretch{Key: key, Stretch: Stretch{Base: 5, Extents: 2}, Pos: 16}
	at := func(base int64, extents, pos uint32) MergedStretch {
		return MergedStretch{Key: key, Stretch: Stretch{Base: base, Extents: extents}, Pos: pos}
	}
	if err := base0.Fork().Apply(merges(4, 118, both)); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]Event{
		"nothing merges":             merges(4, 118),
		"in a file that is there":    merges(3, 118, both),
		"in a name that is had":      &ExtentsMerged{File: 4, Ref: base.FileRef{ID: ulidOf(1)}, SizeBytes: 118, Stretches: []MergedStretch{both}},
		"past the end":               merges(4, 117, both),
		"past all positions":         merges(4, 1<<40, at(5, 2, 1<<32-100)),
		"from within an extent":      merges(4, 118, at(4, 2, 16)),
		"more extents than there":    merges(4, 118, at(5, 3, 16)),
		"a single one":               merges(4, 118, at(5, 1, 16)),
		"a partition that is not":    merges(4, 118, MergedStretch{Key: 5, Stretch: both.Stretch, Pos: 16}),
		"twice":                      merges(4, 118, both, both),
		"overlapping":                merges(4, 300, both, at(6, 2, 150)),
		"backwards":                  merges(4, 300, at(6, 2, 150), both),
		"no files are removed":       &FilesRemoved{},
		"a file in use is removed":   &FilesRemoved{Files: []uint64{1}},
		"a file that is not removed": &FilesRemoved{Files: []uint64{9}},
		"a landed file is removed":   &FilesRemoved{Files: []uint64{2}},
		"its container is removed":   &FilesRemoved{Files: []uint64{3}},
	} {
		if err := base0.Fork().Apply(e); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for name, e := range map[string]Event{
		"number of a topic":       &TopicCreated{Number: 5, ID: base.TopicID{9}, Name: "n", Partitions: 1},
		"name twice":              &TopicCreated{Number: 2, ID: base.TopicID{9}, Name: "t.x", Partitions: 1},
		"id twice":                &TopicCreated{Number: 2, ID: base.TopicID{1, 2, 15: 3}, Name: "n", Partitions: 1},
		"negative partitions":     &TopicCreated{Number: 2, ID: base.TopicID{9}, Name: "n", Partitions: -1},
		"too many partitions":     &TopicCreated{Number: 2, ID: base.TopicID{9}, Name: "n", Partitions: 1 << 30},
		"unknown topic":           &TopicDeleted{Number: 7},
		"fewer partitions":        &PartitionsCreated{Number: 1, Count: 2},
		"2^31 partitions":         &PartitionsCreated{Number: 1, Count: 1<<31 - 1},
		"unknown configured":      &TopicConfigured{Number: 9},
		"number of a file":        &SegmentCommitted{File: 1, Ref: base.FileRef{ID: ulidOf(4)}},
		"file twice":              &SegmentCommitted{File: 4, Ref: base.FileRef{ID: ulidOf(1)}},
		"unknown partition":       segment(Appended{Key: base.KeyOf(1, 9), Len: 1, Count: 1, ProducerID: -1}),
		"base offset":             segment(Appended{Key: key, Base: 5, Len: 1, Count: 1, ProducerID: -1}),
		"no records":              segment(Appended{Key: key, Base: 7, Len: 1, Count: 0, ProducerID: -1}),
		"outside of the file":     segment(Appended{Key: key, Base: 7, Pos: 50, Len: 51, Count: 1, ProducerID: -1}),
		"negative sequence":       segment(Appended{Key: key, Base: 7, Len: 1, Count: 1, ProducerID: 1, BaseSequence: -1}),
		"another body":            rides(99, good),
		"no body":                 rides(0, good),
		"rides for nothing":       rides(100),
		"ids taken":               &ProducerIDsAllocated{First: 1, Count: 1},
		"no ids":                  &ProducerIDsAllocated{First: 11, Count: 0},
		"start past the end":      &Trimmed{Key: key, Start: 8},
		"start backwards":         &Trimmed{Key: key, Start: 4},
		"negative index":          &Trimmed{Key: base.PartitionKey(1<<32 | 1<<31), Start: 4},
		"unknown producer":        &ProducersExpired{Key: key, IDs: []int64{8}},
		"producers of no-one":     &ProducersExpired{Key: 5, IDs: []int64{9}},
		"one producer, but twice": &ProducersExpired{Key: key, IDs: []int64{9, 9}},
	} {
		if err := base0.Fork().Apply(e); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := base0.Check(); err != nil {
		t.Error(err)
	}
}
