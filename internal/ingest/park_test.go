package ingest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// What follows a batch that was refused waits for it, as it would if the refused one had never come.
func TestWhatFollowsARefusedBatchWaits(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first", a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), "NONE@0")
		gap := a.Append([]ingest.Batch{numbered(0, 7, 10, 5)}) // is let through when it has waited long enough
		if r, err := gap.Wait(a.p.Now().Add(time.Minute)); err != nil || r[0].Kind != base.OutOfOrderSequenceNumber {
			t.Errorf("%+v %v", r, err)
			return
		}
		after := a.Append([]ingest.Batch{numbered(0, 7, 15, 5)})
		a.p.Sleep(500 * time.Millisecond)
		if after.Done() {
			t.Error("what follows the refused one was judged at once")
			return
		}
		expect(t, a, "the missing one", a.Append([]ingest.Batch{numbered(0, 7, 5, 5)}), "NONE@5")
		expect(t, a, "the refused one, again", a.Append([]ingest.Batch{numbered(0, 7, 10, 5)}), "NONE@10")
		expect(t, a, "what follows it", after, "NONE@15")
	})
}

// What another agent appended since is no gap, though here something earlier was the last.
func TestWhatAnotherAgentAppendedIsNoGap(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first", a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), "NONE@0")
		elsewhere := &log.CommitSegment{File: base.FileRef{ID: base.ULID{1, 2, 3}}, SizeBytes: 100, LastModified: a.Now(),
			Batches: []log.Batch{{Topic: topic, Pos: 16, Len: 70, Count: 7, MaxTimestamp: -1, ProducerID: 7, BaseSequence: 5}}}
		if v, err := a.Propose(elsewhere).Wait(time.Time{}); err != nil || v.Log.Batches[0].Kind != base.OK {
			t.Errorf("%+v %v", v, err)
			return
		}
		expect(t, a, "what follows both", a.Append([]ingest.Batch{numbered(0, 7, 12, 5)}), "NONE@12")
		if n := a.Ingest.Stats().Parked; n != 0 {
			t.Errorf("%d batches were parked", n)
		}
	})
}

// A repeat of what was appended last does not have what follows it wait.
func TestARepeatMovesNothingBack(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first", a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), "NONE@0")
		expect(t, a, "the second", a.Append([]ingest.Batch{numbered(0, 7, 5, 5)}), "NONE@5")
		repeat, third := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), a.Append([]ingest.Batch{numbered(0, 7, 10, 5)})
		expect(t, a, "the first again", repeat, "NONE@0")
		expect(t, a, "the third", third, "NONE@10")
		if n := a.Ingest.Stats().Parked; n != 0 {
			t.Errorf("%d batches were parked", n)
		}
	})
}

// What was last here long ago, by sequence numbers, says nothing: they come round. The batch's predecessor may be on its way.
func TestWhatWasLastLongAgoSaysNothing(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first", a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), "NONE@0")
		const next = 5 + 1<<30 + 1<<29
		for n, many := range []log.Batch{{BaseSequence: 5, Count: 1 << 30}, {BaseSequence: 5 + 1<<30, Count: 1 << 29}} { // through another agent
			many.Topic, many.Pos, many.Len, many.MaxTimestamp, many.ProducerID = topic, 16, 70, -1, 7
			elsewhere := &log.CommitSegment{File: base.FileRef{ID: base.ULID{byte(1 + n), 15: byte(1 + n)}}, SizeBytes: 100, LastModified: a.Now(), Batches: []log.Batch{many}}
			if v, err := a.Propose(elsewhere).Wait(time.Time{}); err != nil || v.Kind() != base.OK || v.Log.Batches[0].Kind != base.OK {
				t.Errorf("%+v %v", v.Log, err)
				return
			}
		}
		early := a.Append([]ingest.Batch{numbered(0, 7, next+5, 5)})
		a.p.Sleep(500 * time.Millisecond)
		if early.Done() {
			t.Error("what leaves a gap was judged at once")
		}
		expect(t, a, "the missing one", a.Append([]ingest.Batch{numbered(0, 7, next, 5)}), "NONE@1610612741")
		expect(t, a, "what follows it", early, "NONE@1610612746")
	})
}

// What is known of producers is bounded, and those that were let go of go on: the View knows them.
func TestTailsAreBounded(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		produce := func(from, to, sequence int) {
			for at := from; at < to; at += 1000 {
				var list []ingest.Batch
				for id := at; id < min(at+1000, to); id++ {
					list = append(list, numbered(0, int64(id), int32(sequence), 1))
				}
				if got := kinds(a, a.Append(list)); strings.Count(got, "NONE") != len(list) {
					t.Errorf("from producer %d on: %s", at, got)
					return
				}
			}
		}
		produce(0, ingest.TailsKept+2000, 0)
		if n := a.Tails(); n > ingest.TailsKept {
			t.Errorf("%d tails are kept, the most is %d", n, ingest.TailsKept)
		}
		produce(0, 2000, 1)
		if n := a.Ingest.Stats().Parked; n != 0 {
			t.Errorf("%d batches were parked", n)
		}
	})
}
