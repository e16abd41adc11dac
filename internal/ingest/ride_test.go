package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/segment"
)

// riding is an agent whose small segments ride.
var riding = ingest.Config{BatchTimeout: 10 * time.Millisecond, BatchBytes: 1 << 20, Rides: true}

// sized is a batch with so many bytes of values.
func sized(partition int32, bytes int) ingest.Batch {
	b := batch.Plain(batch.None).Build(batch.NewRecord{Value: make([]byte, bytes)})
	return ingest.Batch{Topic: topic, Partition: partition, Bytes: b, Info: batch.Info{Count: 1, MaxTimestamp: -1, ProducerID: -1}}
}

// riders lists the files of a state that ride.
func riders(a *inhabitant) (n int) {
	a.View().Log.Riders(func(uint64, log.File) bool { n++; return true })
	return n
}

// A small segment is not uploaded: one PUT, that of the entry, and its bytes are in there.
func TestSmallSegmentsRide(t *testing.T) {
	inWorldOf(t, riding, func(w *sim.World, a *inhabitant) {
		expect(t, a, "a small one", a.Append([]ingest.Batch{numbered(0, 7, 0, 5), numbered(1, 7, 0, 5)}), "NONE@0 NONE@0")
		if len(a.bucket.sizes) != 0 || riders(a) != 1 {
			t.Errorf("%d uploads, %d riders", len(a.bucket.sizes), riders(a))
		}
		_, p, _ := a.View().Log.PartitionOf(topic, 1)
		x, _ := p.Extents.MaxTimestamp()
		at, _ := a.View().Log.Place(x)
		found, err := control.ReadRiders(t.Context(), a.bucket, at.Slot)
		if err != nil || len(found) != 1 || found[0].Ref != at.File {
			t.Errorf("in slot %d: %d riders, %v", at.Slot, len(found), err)
			return
		}
		if _, err := segment.Parse(found[0].Body); err != nil {
			t.Error(err)
		}
		if b := batch.Batch(found[0].Body[at.Pos : at.Pos+x.Len]); b.ComputeCRC() != b.CRC() || b.ProducerID() != 7 {
			t.Error("another batch is where the extent says")
		}
		expect(t, a, "sent again", a.Append([]ingest.Batch{numbered(0, 7, 0, 5)}), "NONE@0")
		if riders(a) != 1 || len(a.bucket.sizes) != 0 {
			t.Errorf("%d riders after a repeat, %d uploads", riders(a), len(a.bucket.sizes))
		}
	})
}

// A large one is uploaded, and a small one that was sealed after it rides, but does not overtake it.
func TestRidersKeepTheOrder(t *testing.T) {
	inWorldOf(t, riding, func(w *sim.World, a *inhabitant) {
		a.bucket.hangs = 0
		large := a.Append([]ingest.Batch{sized(0, 200<<10)})
		a.p.Sleep(12 * time.Millisecond) // it is sealed, and on its way for another 18 ms
		small := a.Append([]ingest.Batch{sized(0, 10)})
		again := a.Append([]ingest.Batch{sized(0, 10)})
		expect(t, a, "small", small, "NONE@1")
		expect(t, a, "small again", again, "NONE@2")
		expect(t, a, "large", large, "NONE@0")
		if len(a.bucket.sizes) != 1 || riders(a) != 1 {
			t.Errorf("%d uploads, %d riders", len(a.bucket.sizes), riders(a))
		}
	})
}

// At the most log.RideBytesMax bytes ride: the file with all that belongs to it.
func TestHowLargeARiderMayBe(t *testing.T) {
	for over, rides := range []int{1, 0} {
		inWorldOf(t, riding, func(w *sim.World, a *inhabitant) {
			b := segment.NewBuilder(0)
			b.Add(topic, 0, segment.Summed(sized(0, 100<<10).Bytes))
			overhead := b.SizeBytes() - 100<<10
			expect(t, a, "one", a.Append([]ingest.Batch{sized(0, log.RideBytesMax-overhead+over)}), "NONE@0")
			if riders(a) != rides {
				t.Errorf("%d bytes over the bound: %d riders", over, riders(a))
			}
		})
	}
}

// In the long run 1 MiB a second rides; what is more is uploaded.
func TestHowMuchMayRide(t *testing.T) {
	inWorldOf(t, riding, func(w *sim.World, a *inhabitant) {
		const each, seconds = 100 << 10, 20
		for range seconds * 40 { // 4 MB/s
			a.Append([]ingest.Batch{sized(0, each)})
			a.p.Sleep(25 * time.Millisecond)
		}
		if rode := a.Ingest.Stats().RodeBytes; rode < seconds<<20 || rode > (seconds+2)<<20 {
			t.Errorf("%d bytes rode in %d s, want about 1 MiB a second", rode, seconds)
		}
		if len(a.bucket.sizes) == 0 {
			t.Error("nothing was uploaded")
		}
	})
}

// While the bucket takes no entries, segments do not all wait to ride in the next one.
func TestHowMuchWaitsToRide(t *testing.T) {
	inWorldOf(t, riding, func(w *sim.World, a *inhabitant) {
		a.p.Sleep(time.Minute)
		a.bucket.entry = 18 * time.Second
		var all []*env.Future[[]ingest.Result]
		for range 80 {
			all = append(all, a.Append([]ingest.Batch{sized(0, 120<<10)}))
			a.p.Sleep(200 * time.Millisecond)
		}
		if s := a.Ingest.Stats(); s.RodeBytes > 4<<20 || s.Segments == 0 {
			t.Errorf("%d bytes wait to ride, %d segments were uploaded", s.RodeBytes, s.Segments)
		}
		a.bucket.entry = 0
		for n, f := range all {
			expect(t, a, fmt.Sprint("batch ", n), f, fmt.Sprintf("NONE@%d", n))
		}
		before := a.Ingest.Stats().RodeBytes
		expect(t, a, "afterwards", a.Append([]ingest.Batch{sized(0, 1000)}), "NONE@80")
		if a.Ingest.Stats().RodeBytes == before {
			t.Error("nothing rides any more")
		}
	})
}

// When nobody lands what rides, segments are uploaded.
func TestHowMuchRidesInAll(t *testing.T) {
	inWorldOf(t, riding, func(w *sim.World, a *inhabitant) {
		for n := range 700 {
			expect(t, a, "one", a.Append([]ingest.Batch{sized(0, 120<<10)}), fmt.Sprintf("NONE@%d", n))
			a.p.Sleep(200 * time.Millisecond)
		}
		if n := a.View().Log.RidingBytes(); n < 64<<20 || n > 65<<20 {
			t.Errorf("%d bytes ride", n)
		}
		if len(a.bucket.sizes) == 0 {
			t.Error("nothing was uploaded")
		}
	})
}
