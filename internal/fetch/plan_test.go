package fetch_test

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/meta/log"
)

var planTopic = base.TopicID{7}

// planState has a topic of three partitions: of the first, offsets 10 to 59 are in five extents of 100 bytes and ten
// records each, of six that there were; the second has one extent of 1000 bytes and ten records; the third is
// empty.
func planState(t *testing.T) *log.State {
	t.Helper()
	s := log.New()
	apply := func(e log.Event) {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	apply(&log.TopicCreated{Number: 1, ID: planTopic, Name: "t", Partitions: 3, At: 1})
	at := func(file uint64, partition int32, first int64, size uint32, count int32) {
		apply(&log.SegmentCommitted{File: file, Ref: base.FileRef{ID: base.ULID{15: byte(file)}}, SizeBytes: 5000, LastModified: 1, At: 1,
			Batches: []log.Appended{{Key: base.KeyOf(1, partition), Pos: 16, Len: size, Base: first, Count: count, MaxTimestamp: 1, ProducerID: -1}}})
	}
	for i := range int64(6) {
		at(uint64(i+1), 0, 10*i, 100, 10)
	}
	at(7, 1, 0, 1000, 10)
	apply(&log.Trimmed{Key: base.KeyOf(1, 0), Start: 10, At: 2})
	return s
}

// memory are the limits of an answer all of which is in memory.
func memory(n int64) fetch.Limits { return fetch.Limits{Bytes: n, Memory: n} }

func TestPlan(t *testing.T) {
	s := planState(t)
	type wants []fetch.Want
	of := func(partition int32, offset int64, maxBytes int32) fetch.Want {
		return fetch.Want{Topic: planTopic, Partition: partition, Offset: offset, MaxBytes: maxBytes, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
	}
	tests := []struct {
		name     string
		wants    wants
		maxBytes int64
		bytes    []int64 // of each part
		extents  int     // in all
		full     bool
	}{
		{"everything", wants{of(0, 10, 9999), of(1, 0, 9999), of(2, 0, 9999)}, 9999, []int64{500, 1000, 0}, 6, false},
		{"at the end", wants{of(0, 60, 9999), of(1, 10, 9999)}, 9999, []int64{0, 0}, 0, false},
		{"inside an extent", wants{of(0, 55, 9999)}, 9999, []int64{50}, 1, false},
		{"from inside an extent on, up to the partition's limit", wants{of(0, 15, 120)}, 9999, []int64{120}, 2, true},
		{"up to the partition's limit", wants{of(0, 10, 150), of(1, 0, 9999)}, 9999, []int64{150, 1000}, 3, true},
		{"up to the limit of all", wants{of(0, 10, 9999), of(1, 0, 9999)}, 600, []int64{100, 500}, 2, true},
		{"the first comes beyond the limit", wants{of(2, 0, 9), of(1, 9, 0), of(0, 10, 9)}, 0, []int64{0, 1, 0}, 1, true},
		{"negative limit of a partition", wants{of(1, 0, -1), of(0, 10, 50)}, 9999, []int64{1, 50}, 2, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := fetch.MakePlan(s, test.wants, memory(test.maxBytes), true)
			var sum int64
			for i, part := range p.Parts {
				if part.Kind != base.OK || part.Bytes != test.bytes[i] {
					t.Errorf("part %d: %v, %d bytes, want %d", i, part.Kind, part.Bytes, test.bytes[i])
				}
				sum += part.Bytes
			}
			if p.Bytes != sum || len(p.Extents) != test.extents || p.Full != test.full || p.Denies {
				t.Errorf("%d bytes, %d extents, full %t, denies %t", p.Bytes, len(p.Extents), p.Full, p.Denies)
			}
			if n := p.ToRead(s, test.wants); n != sum {
				t.Errorf("%d bytes are to be read, %d are planned", n, sum)
			}
		})
	}
}

// Where files are open, what is long enough to be sent out of them takes little memory; the limit of that ends the plan as well.
func TestPlanOutOfFiles(t *testing.T) {
	s := log.New()
	for _, e := range []log.Event{&log.TopicCreated{Number: 1, ID: planTopic, Name: "t", Partitions: 2, At: 1},
		&log.SegmentCommitted{File: 1, Ref: base.FileRef{ID: base.ULID{15: 1}}, SizeBytes: 1 << 20, LastModified: 1, At: 1, Batches: []log.Appended{
			{Key: base.KeyOf(1, 0), Pos: 16, Len: 100_000, Count: 100, MaxTimestamp: 1, ProducerID: -1},
			{Key: base.KeyOf(1, 1), Pos: 200_016, Len: 10_000, Count: 100, MaxTimestamp: 1, ProducerID: -1}}}} {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	of := func(partition int32, maxBytes int32) fetch.Want {
		return fetch.Want{Topic: planTopic, Partition: partition, MaxBytes: maxBytes, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
	}
	for name, test := range map[string]struct {
		wants         []fetch.Want
		limits        fetch.Limits
		bytes, memory int64
		full          bool
	}{
		"in memory":                       {[]fetch.Want{of(0, 1<<20), of(1, 1<<20)}, memory(1 << 20), 110_000, 110_000, false},
		"in files":                        {[]fetch.Want{of(0, 1<<20), of(1, 1<<20)}, fetch.Limits{Bytes: 1 << 20, Memory: 20_000, Files: true}, 110_000, 512 + 10_000, false},
		"a limit that leaves a short one": {[]fetch.Want{of(0, 9_000)}, fetch.Limits{Bytes: 1 << 20, Memory: 20_000, Files: true}, 9_000, 9_000, true},
		"no memory for the second":        {[]fetch.Want{of(1, 1<<20), of(0, 1<<20)}, fetch.Limits{Bytes: 1 << 20, Memory: 10_000, Files: true}, 10_000, 10_000, true},
	} {
		if p := fetch.MakePlan(s, test.wants, test.limits, true); p.Bytes != test.bytes || p.Memory != test.memory || p.Full != test.full {
			t.Errorf("%s: %d bytes, %d of memory, full %t", name, p.Bytes, p.Memory, p.Full)
		}
	}
}

// Tiny extents, each in its own file: one Fetch takes so many and no more, and waiting for others is of no use.
func TestPlanIsBounded(t *testing.T) {
	const partitions, extents = 50, 300
	s, wants := scattered(t, partitions, extents, partitions)
	if p := fetch.MakePlan(s, wants[:1], memory(1<<20), true); len(p.Extents) != 256 || !p.Full {
		t.Errorf("%d extents of one partition, full %t", len(p.Extents), p.Full)
	}
	if p := fetch.MakePlan(s, wants, memory(50<<20), true); len(p.Extents) != 10_000 || !p.Full || p.Parts[partitions-1].Bytes != 10_000/partitions*100 {
		t.Errorf("%d extents, full %t", len(p.Extents), p.Full)
	}
}

func TestPlanDenies(t *testing.T) {
	s := planState(t)
	tests := []struct {
		name      string
		want      fetch.Want
		byName    bool
		kind      base.Kind
		diverging int32 // epoch
		end       int64
	}{
		{"below the log start", fetch.Want{Topic: planTopic, Offset: 9, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}, false, base.OffsetOutOfRange, -1, 0},
		{"beyond the end", fetch.Want{Topic: planTopic, Offset: 61, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}, false, base.OffsetOutOfRange, -1, 0},
		{"negative offset", fetch.Want{Topic: planTopic, Offset: -1, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}, false, base.OffsetOutOfRange, -1, 0},
		{"unknown id", fetch.Want{Topic: base.TopicID{8}}, false, base.UnknownTopicID, -1, 0},
		{"topic gone, by name", fetch.Want{Topic: base.TopicID{8}}, true, base.UnknownTopicOrPartition, -1, 0},
		{"unknown partition", fetch.Want{Topic: planTopic, Partition: 3}, false, base.UnknownTopicOrPartition, -1, 0},
		{"negative partition", fetch.Want{Topic: planTopic, Partition: -1}, false, base.UnknownTopicOrPartition, -1, 0},
		{"older leader epoch", fetch.Want{Topic: planTopic, Offset: 99, CurrentLeaderEpoch: 0, LastFetchedEpoch: -1}, false, base.FencedLeaderEpoch, -1, 0},
		{"newer leader epoch", fetch.Want{Topic: planTopic, Offset: 99, CurrentLeaderEpoch: 2, LastFetchedEpoch: -1}, false, base.UnknownLeaderEpoch, -1, 0},
		{"last fetched in an epoch to come", fetch.Want{Topic: planTopic, Offset: 20, CurrentLeaderEpoch: 1, LastFetchedEpoch: 2}, false, base.OffsetOutOfRange, -1, 0},
		{"last fetched in an epoch before", fetch.Want{Topic: planTopic, Offset: 20, CurrentLeaderEpoch: 1, LastFetchedEpoch: 0}, false, base.OK, 0, 10},
		{"last fetched beyond the end", fetch.Want{Topic: planTopic, Offset: 70, CurrentLeaderEpoch: 1, LastFetchedEpoch: 1}, false, base.OK, 1, 60},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.MaxBytes = 100
			p := fetch.MakePlan(s, []fetch.Want{test.want}, memory(1000), !test.byName)
			got := p.Parts[0]
			if got.Kind != test.kind || got.DivergingEpoch != test.diverging || got.DivergingEnd != test.end || !p.Denies || p.Bytes != 0 {
				t.Errorf("%+v, denies %t", got, p.Denies)
			}
		})
	}
	ok := fetch.Want{Topic: planTopic, Offset: 20, MaxBytes: 1, CurrentLeaderEpoch: 1, LastFetchedEpoch: 1}
	if p := fetch.MakePlan(s, []fetch.Want{ok}, memory(1000), true); p.Denies || p.Bytes == 0 {
		t.Errorf("right epochs: %+v", p.Parts[0])
	}
}
