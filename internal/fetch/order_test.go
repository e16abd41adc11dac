package fetch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// served reads a topic's partitions, of which each has so many batches of 1000 bytes, by fetches that have room for a few of them, and
// gives the partitions that each answer has, in its order.
func served(t *testing.T, order []int32, batches int, sessions bool) (answers [][]int32) {
	t.Helper()
	b := start(t, settings{fill: true})
	id := b.topic("orders", int32(len(order)))
	for p := range order {
		for range batches {
			b.produce(id, int32(p), plain(0, 1, 1000))
		}
	}
	offsets := make([]int64, len(order))
	q := fetch.Request{MinBytes: 1, MaxBytes: 3500, ByID: true, SessionEpoch: -1}
	if sessions {
		q.SessionEpoch = 0
	}
	for range len(order) * batches {
		q.Partitions = nil
		for _, p := range order {
			q.Partitions = append(q.Partitions, want(id, p, offsets[p]))
		}
		r := b.fetch.Read(q, time.Now())
		if r.Release != nil {
			defer r.Release()
		}
		var got []int32
		for _, p := range r.Partitions {
			if len(p.Records) > 0 {
				got = append(got, p.Partition)
				offsets[p.Partition] = p.End
			}
		}
		if len(got) == 0 {
			break
		}
		answers = append(answers, got)
		if sessions {
			q.SessionID, q.SessionEpoch = r.SessionID, q.SessionEpoch+1
		}
	}
	return answers
}

// In a session answers go through the partitions in order, and each begins behind the last that was sent: none is left behind, however
// the client lists them.
func TestSessionGoesRound(t *testing.T) {
	answers := served(t, []int32{3, 0, 6, 1, 5, 2, 4}, 5, true)
	counts := make([]int, 7)
	for n, got := range answers[1:8] { // before any has come to its end
		for i, p := range got {
			if i > 0 && p != (got[i-1]+1)%7 {
				t.Errorf("answer %d is of partitions %v", n+1, got)
			}
			counts[p]++
		}
		if n > 0 && slices.Max(counts)-slices.Min(counts) > 1 {
			t.Errorf("after answer %d partitions were sent %v times", n+1, counts)
		}
	}
}

// Where it goes on does not move when partitions are added before it, or taken out.
func TestSessionGoesOnAfterChanges(t *testing.T) {
	b := start(t, settings{fill: true})
	id := b.topic("orders", 6)
	for p := range int32(6) {
		b.produce(id, p, plain(0, 1, 1000))
	}
	q := fetch.Request{MinBytes: 1, MaxBytes: 2500, ByID: true, SessionEpoch: 0}
	for p := int32(1); p < 6; p++ {
		q.Partitions = append(q.Partitions, want(id, p, 1)) // at their ends
	}
	read := func(partitions []fetch.Want, forgotten ...int32) (got []int32) {
		t.Helper()
		q.Partitions, q.Forgotten = partitions, nil
		for _, p := range forgotten {
			q.Forgotten = append(q.Forgotten, fetch.Place{Topic: id, Partition: p})
		}
		r := b.fetch.Read(q, time.Now())
		if r.Kind != base.OK {
			t.Fatal(r.Kind)
		}
		for _, p := range r.Partitions {
			if len(p.Records) > 0 {
				got = append(got, p.Partition)
			}
		}
		if r.Release != nil {
			r.Release()
		}
		q.SessionID, q.SessionEpoch = r.SessionID, q.SessionEpoch+1
		return got
	}
	if got := read(q.Partitions); got != nil {
		t.Fatalf("partitions %v have something at their ends", got)
	}
	again := func(partitions ...int32) (wants []fetch.Want) { // all that there is of them
		for _, p := range partitions {
			wants = append(wants, want(id, p, 0))
		}
		return wants
	}
	for i, step := range []struct {
		got, want []int32
	}{
		{read(again(1, 2, 3, 4, 5)), []int32{1, 2}},
		{read(nil), []int32{3, 4}},
		{read(again(0), 1, 2), []int32{5, 0}}, // 0 comes in before, 1 and 2 go
		{read(nil), []int32{3, 4}},
		{read(nil, 5), []int32{0, 3}}, // where it was to go on is gone
	} {
		if !slices.Equal(step.got, step.want) {
			t.Errorf("step %d: partitions %v, want %v", i, step.got, step.want)
		}
	}
}

// Without a session an answer begins with the partition that the client lists first, and goes on in order.
func TestAnswersAreInOrder(t *testing.T) {
	answers := served(t, []int32{3, 0, 6, 1, 5, 2, 4}, 1, false)
	if want := []int32{3, 4, 5}; !slices.Equal(answers[0], want) {
		t.Errorf("the first answer is of partitions %v, want %v", answers[0], want)
	}
}

// Parts that are at different files go on in the oldest ones first, once each has something: so they come to be at the same.
func TestPlanGoesOnInTheOldestFiles(t *testing.T) {
	s, _ := scattered(t, 3, 30, 3)
	at := func(offsets ...int64) (wants []fetch.Want) {
		for p, offset := range offsets {
			wants = append(wants, fetch.Want{Topic: planTopic, Partition: int32(p), Offset: offset, MaxBytes: 1 << 20, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1})
		}
		return wants
	}
	for _, test := range []struct {
		at       []int64
		maxBytes int64
		bytes    [3]int64
	}{
		{[]int64{0, 5, 10}, 300, [3]int64{100, 100, 100}},    // one of each
		{[]int64{0, 5, 10}, 900, [3]int64{700, 100, 100}},    // the first comes up to the second
		{[]int64{0, 5, 10}, 2100, [3]int64{1200, 700, 200}},  // up to the third
		{[]int64{7, 7, 7}, 1000, [3]int64{400, 300, 300}},    // side by side
		{[]int64{0, 29, 30}, 5000, [3]int64{3000, 100, 000}}, // all there is
	} {
		p := fetch.MakePlan(s, at(test.at...), memory(test.maxBytes), true)
		if got := [3]int64{p.Parts[0].Bytes, p.Parts[1].Bytes, p.Parts[2].Bytes}; got != test.bytes {
			t.Errorf("at %v, up to %d bytes: %v, want %v", test.at, test.maxBytes, got, test.bytes)
		}
	}
}

// A fetch of many partitions that waits is answered by what has changed since, whichever it is: new records, a log start beyond its
// offset, more than there is room for.
func TestWaitingFetchSeesChanges(t *testing.T) {
	const partitions = 200
	b := start(t, settings{fill: true})
	id := b.topic("orders", partitions)
	offsets := make([]int64, partitions)
	wait := func(change func()) fetch.Response {
		t.Helper()
		q := fetch.Request{MinBytes: 1, MaxBytes: 1 << 20, ByID: true, SessionEpoch: -1}
		for p := range int32(partitions) {
			q.Partitions = append(q.Partitions, want(id, p, offsets[p]))
		}
		waiting := b.journal.interest.Load()
		answer := make(chan fetch.Response)
		go func() { answer <- b.fetch.Read(q, soon()) }()
		for b.journal.interest.Load() == waiting {
			time.Sleep(time.Millisecond)
		}
		change()
		r := <-answer
		if r.Release != nil {
			r.Release()
		}
		return r
	}
	for _, p := range []int32{0, 7, partitions - 1} {
		r := wait(func() { b.produce(id, p, plain(0, 1, 0)) })
		if got := r.Partitions[p]; got.End != 1 || got.HighWatermark != 1 || len(b.parse(got)) != 1 {
			t.Errorf("partition %d: %+v", p, got)
		}
		for i := range r.Partitions {
			if int32(i) != p && (r.Partitions[i].Kind != base.OK || len(r.Partitions[i].Records) > 0) {
				t.Errorf("partition %d, of which nothing is new: %+v", i, r.Partitions[i])
			}
		}
		offsets[p] = 1
	}
	b.produce(id, 3, plain(0, 1, 0), plain(0, 1, 0))
	offsets[3] = 2
	b.produce(id, 4, plain(0, 1, 0))
	offsets[4] = 1
	r := wait(func() {
		b.produce(id, 4, plain(0, 1, 0), plain(0, 1, 0))
		b.propose(&log.DeleteRecords{ID: id, Index: 4, Offset: 2})
	})
	if got := r.Partitions[4]; got.Kind != base.OK && got.Kind != base.OffsetOutOfRange {
		t.Errorf("records came and were deleted: %+v", got)
	}
}

// What is published after the first look, and before the Fetch is among those who are woken, is seen by one more look.
func TestPublishedBeforeItWaits(t *testing.T) {
	b := start(t, settings{fill: true})
	id := b.topic("orders", 2)
	publish := func() { b.produce(id, 1, plain(0, 1, 0)) }
	b.journal.viewed.Store(&publish)
	q := fetch.Request{MinBytes: 1, MaxBytes: 1 << 20, ByID: true, SessionEpoch: -1, Partitions: []fetch.Want{want(id, 0, 0), want(id, 1, 0)}}
	began := time.Now()
	r := b.fetch.Read(q, began.Add(5*time.Second))
	if took := time.Since(began); took > 4*time.Second || len(b.parse(r.Partitions[1])) != 1 {
		t.Errorf("answered after %v", took)
	}
	if r.Release != nil {
		r.Release()
	}
}

// A plan that is renewed for what has changed is the one that would be made anew.
func TestRenewedPlans(t *testing.T) {
	const partitions = 40
	b := start(t, settings{fill: true})
	id := b.topic("orders", partitions)
	var first []batch.Batch
	for range 3 {
		first = append(first, plain(0, 1, 100))
	}
	b.produce(id, 5, first...)
	var wants []fetch.Want
	for p := range int32(partitions) {
		wants = append(wants, want(id, p, 0))
	}
	wants[5].Offset = 3
	before := fetch.MakePlan(b.control.View().Log, wants, memory(1<<20), true)
	b.produce(id, 9, plain(0, 1, 100))
	b.produce(id, 5, plain(0, 1, 100), plain(0, 1, 100))
	s := b.control.View().Log
	for name, limits := range map[string]fetch.Limits{"all": memory(1 << 20), "one": memory(1)} {
		renewed, anew := before.Renewed(s, wants, []int32{5, 9}, limits), fetch.MakePlan(s, wants, limits, true)
		if !slices.Equal(renewed.Parts, anew.Parts) || !slices.Equal(renewed.Extents, anew.Extents) || renewed.Bytes != anew.Bytes ||
			renewed.Memory != anew.Memory || renewed.Full != anew.Full || renewed.Denies != anew.Denies {
			t.Errorf("%s: renewed: %+v\nanew: %+v", name, renewed, anew)
		}
	}
	wants[9].CurrentLeaderEpoch = 7
	if renewed := before.Renewed(s, wants, []int32{5, 9}, memory(1<<20)); !renewed.Denies {
		t.Error("an epoch to come is not denied")
	}
}

// scattered is a state of a topic, in files of which each has a batch of so many partitions, anywhere.
func scattered(tb testing.TB, partitions, files, each int) (*log.State, []fetch.Want) {
	tb.Helper()
	s, r, ends := log.New(), rand.New(rand.NewPCG(1, 1)), make([]int64, partitions)
	apply := func(e log.Event) {
		if err := s.Apply(e); err != nil {
			tb.Fatal(err)
		}
	}
	apply(&log.TopicCreated{Number: 1, ID: planTopic, Name: "t", Partitions: int32(partitions), At: 1})
	for i := range files {
		e := &log.SegmentCommitted{File: uint64(i + 1), Ref: base.FileRef{ID: base.ULID{14: byte(i >> 8), 15: byte(i)}}, SizeBytes: 100 << 20, LastModified: 1, At: 1}
		among := r.Perm(partitions)[:each]
		slices.Sort(among)
		for n, p := range among {
			e.Batches = append(e.Batches, log.Appended{Key: base.KeyOf(1, int32(p)), Pos: 16 + 200*uint32(n), Len: 100, Base: ends[p], Count: 1, MaxTimestamp: 1, ProducerID: -1})
			ends[p]++
		}
		apply(e)
	}
	wants := make([]fetch.Want, partitions)
	for p := range wants {
		wants[p] = fetch.Want{Topic: planTopic, Partition: int32(p), MaxBytes: 1 << 20, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
	}
	return s, wants
}

// BenchmarkPlanScattered: 10,000 extents of up to 5,000 partitions, in few files or in many.
func BenchmarkPlanScattered(b *testing.B) {
	for _, c := range []struct{ partitions, files, each int }{{5000, 4, 2500}, {5000, 100, 100}, {5000, 1000, 10}, {1000, 5000, 2}, {5000, 10_000, 1}} {
		b.Run(fmt.Sprintf("%d partitions, %d files", c.partitions, c.files), func(b *testing.B) {
			s, wants := scattered(b, c.partitions, c.files, c.each)
			b.ReportAllocs()
			for b.Loop() {
				if p := fetch.MakePlan(s, wants, memory(50<<20), true); len(p.Extents) != 10_000 {
					b.Fatalf("%d extents", len(p.Extents))
				}
			}
		})
	}
}
