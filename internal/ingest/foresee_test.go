package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/segment"
)

// bears lists a partition's batches by the offset that each has in the log, and, where it is another, the one that it bears where it
// lies.
func bears(t *testing.T, a *inhabitant, partition int32) string {
	t.Helper()
	var words []string
	_, p, _ := a.View().Log.PartitionOf(topic, partition)
	p.Extents.From(0, func(x log.Extent) bool {
		offset := x.Base
		for rest := extent(t, a, x); len(rest) > 0; {
			var b batch.Batch
			var err error
			if b, rest, err = batch.Next(rest); err != nil || b == nil || b.CRC() != b.ComputeCRC() {
				t.Errorf("extent %+v: %v", x, err)
				return false
			}
			word := fmt.Sprint(offset)
			if b.BaseOffset() != offset || b.LeaderEpoch() != p.Epoch {
				word += fmt.Sprint(":", b.BaseOffset())
			}
			words = append(words, word)
			offset += int64(b.Count())
		}
		return true
	})
	return strings.Join(words, " ")
}

// extent gives the bytes of an extent from its file, which must be sound.
func extent(t *testing.T, a *inhabitant, x log.Extent) []byte {
	t.Helper()
	at, _ := a.View().Log.Place(x)
	body, err := fileAt(a, at)
	if err == nil {
		_, err = segment.Parse(body)
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	return body[at.Pos : at.Pos+x.Len]
}

// fileAt gives a whole data file.
func fileAt(a *inhabitant, at log.Place) ([]byte, error) {
	if at.Slot == 0 {
		o, err := a.bucket.GetRange(context.Background(), segment.Key(at.File), 0, -1)
		return o.Body, err
	}
	found, err := control.ReadRiders(context.Background(), a.bucket, at.Slot)
	for _, r := range found {
		if r.Ref == at.File {
			return r.Body, err
		}
	}
	return nil, fmt.Errorf("it does not ride in slot %d: %w", at.Slot, err)
}

// lies expects a partition's batches to lie as bears tells, and nothing to be taken for under way in the end.
func lies(t *testing.T, a *inhabitant, partition int32, want string) {
	t.Helper()
	if got := bears(t, a, partition); got != want {
		t.Errorf("partition %d lies as %q, want %q", partition, got, want)
	}
	if n := a.Ingest.Outlooks(); n != 0 {
		t.Errorf("%d partitions are thought to have batches under way", n)
	}
}

// one appends a batch of five records without a producer, and has it sealed.
func one(a *inhabitant, partition int32) *env.Future[[]ingest.Result] {
	f := a.Append([]ingest.Batch{numbered(partition, -1, 0, 5)})
	a.p.Sleep(12 * time.Millisecond) // of a batch timeout of 10
	return f
}

// Batches are written with the offsets that they get, also while others before them are under way.
func TestOffsetsAreForeseen(t *testing.T) {
	for name, config := range map[string]ingest.Config{"uploaded": {BatchTimeout: 10 * time.Millisecond, BatchBytes: 1 << 20}, "riding": riding} {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, config, func(_ *sim.World, a *inhabitant) {
				a.bucket.entry = 50 * time.Millisecond
				first := a.Append([]ingest.Batch{numbered(0, -1, 0, 5), numbered(1, 7, 0, 3), numbered(0, 7, 0, 5), numbered(1, -1, 0, 1)})
				a.p.Sleep(12 * time.Millisecond)
				second, third := one(a, 0), one(a, 0)
				if n := a.Ingest.Outlooks(); n != 2 || first.Done() {
					t.Errorf("%d partitions have batches under way, want both; the first segment is done: %v", n, first.Done())
				}
				expect(t, a, "first", first, "NONE@0 NONE@0 NONE@5 NONE@3")
				expect(t, a, "second", second, "NONE@10")
				expect(t, a, "third", third, "NONE@15")
				expect(t, a, "when nothing is under way", one(a, 0), "NONE@20")
				lies(t, a, 0, "0 5 10 15 20")
				lies(t, a, 1, "0 3")
			})
		})
	}
}

// A repeat is not appended. What was sealed before its verdict lies with offsets that are too high by it, what is sealed afterwards is
// right again, though something was under way all the time.
func TestForesightFindsItsWayBack(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first", a.Append([]ingest.Batch{numbered(0, 7, 0, 3)}), "NONE@0")
		a.bucket.entry = 50 * time.Millisecond
		repeat := a.Append([]ingest.Batch{numbered(0, 7, 0, 3)})
		a.p.Sleep(12 * time.Millisecond)
		var rest []*env.Future[[]ingest.Result]
		for range 12 {
			rest = append(rest, one(a, 0))
			if a.Ingest.Outlooks() != 1 {
				t.Error("nothing is under way")
			}
		}
		expect(t, a, "the repeat", repeat, "NONE@0")
		for n, f := range rest {
			expect(t, a, fmt.Sprint("batch ", n), f, fmt.Sprintf("NONE@%d", 3+5*n))
		}
		got := strings.Fields(bears(t, a, 0))
		wrong := 0
		for n, word := range got[1:] {
			if strings.Contains(word, ":") {
				wrong = n + 1
				if want := fmt.Sprintf("%d:%d", 3+5*n, 6+5*n); word != want {
					t.Errorf("batch %d lies as %s, want %s", n, word, want)
				}
			}
		}
		if len(got) != 13 || wrong == 0 || wrong > 8 {
			t.Errorf("%d batches, the first %d of them not as foreseen: %q", len(got), wrong, got)
		}
		lies(t, a, 0, strings.Join(got, " "))
	})
}

// Of a segment that could not be uploaded nothing is appended, nor what is dropped with it.
func TestForesightAfterAFailedUpload(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		a.bucket.hangs = 1
		lost := a.Append([]ingest.Batch{numbered(0, 7, 0, 5)})
		a.p.Sleep(time.Second)
		dropped := a.Append([]ingest.Batch{numbered(0, 7, 5, 5), numbered(0, 8, 0, 2), numbered(1, 8, 0, 2)})
		a.p.Sleep(time.Second)
		expect(t, a, "lost", lost, "REQUEST_TIMED_OUT@-1")
		expect(t, a, "dropped", dropped, "REQUEST_TIMED_OUT@-1 NONE@0 NONE@0")
		expect(t, a, "when nothing is under way", one(a, 0), "NONE@2")
		lies(t, a, 0, "0:10 2")
		lies(t, a, 1, "0")
	})
}

// What another agent appends is not foreseen, and known with the next verdict or View.
func TestAnotherAgentAppends(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		expect(t, a, "the first", one(a, 0), "NONE@0")
		commit := &log.CommitSegment{File: base.FileRef{ID: base.ULID{1, 2, 3}}, SizeBytes: 100, LastModified: a.Now(),
			Batches: []log.Batch{{Topic: topic, Pos: 16, Len: 70, Count: 7, MaxTimestamp: -1, ProducerID: -1}}}
		a.bucket.entry = 50 * time.Millisecond
		second := one(a, 0)
		other := a.Propose(commit)
		third := one(a, 0)
		for _, f := range []*env.Future[[]ingest.Result]{second, third} {
			if k := kinds(a, f); !strings.HasPrefix(k, "NONE") {
				t.Error(k)
			}
		}
		if _, err := other.Wait(time.Time{}); err != nil {
			t.Error(err)
		}
		fourth := one(a, 0)
		expect(t, a, "the fourth", fourth, "NONE@22")
		_, p, _ := a.View().Log.PartitionOf(topic, 0)
		var last log.Extent
		p.Extents.From(22, func(x log.Extent) bool { last = x; return true })
		if b := batch.Batch(extent(t, a, last)); b.BaseOffset() != 22 {
			t.Errorf("the fourth bears %d", b.BaseOffset())
		}
	})
}

// Batches for a topic or partition that is not there are written as they came, and refused.
func TestNothingToForesee(t *testing.T) {
	inWorld(t, 10*time.Millisecond, func(_ *sim.World, a *inhabitant) {
		stranger, beyond := numbered(0, -1, 0, 5), numbered(4, -1, 0, 5)
		stranger.Topic[0] = 9
		r, err := a.Append([]ingest.Batch{numbered(0, -1, 0, 5), stranger, beyond}).Wait(time.Time{})
		if err != nil || r[1].Base != -1 || r[2].Base != -1 {
			t.Errorf("%+v, %v", r, err)
		}
		lies(t, a, 0, "0")
	})
}
