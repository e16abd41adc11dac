package log

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// world makes states of a given shape through events alone.
type world struct {
	s     *State
	topic *Topic
	now   base.Millis
}

func newWorld(tb testing.TB, partitions int32) *world {
	w := &world{s: New(), now: 1_700_000_000_000}
	w.s.Begin(1)
	w.apply(tb, &TopicCreated{Number: 1, ID: base.TopicID{1}, Name: "t", Partitions: partitions, At: w.now})
	w.topic, _ = w.s.Topic(1)
	return w
}

func (w *world) apply(tb testing.TB, e Event) {
	if err := w.s.Apply(e); err != nil {
		tb.Fatal(err)
	}
}

func ulidOf(n uint64) (u base.ULID) {
	binary.BigEndian.PutUint64(u[8:], n*0x9E3779B97F4A7C15)
	return u
}

// segment is a commit of one batch of 5 records to each of n partitions from first on. producer < 0: none.
func (w *world) segment(first, n int, producer int64, round int) *SegmentCommitted {
	e := &SegmentCommitted{File: w.s.nextFile, Ref: base.FileRef{ID: ulidOf(w.s.nextFile)}, SizeBytes: int64(n) * 1000,
		LastModified: w.now, At: w.now, Batches: make([]Appended, n)}
	for i := range e.Batches {
		k := base.KeyOf(1, int32((first+i)%int(w.topic.Partitions)))
		p, _ := w.s.Partition(k)
		e.Batches[i] = Appended{Key: k, Base: p.End, Pos: uint32(i) * 1000, Len: 1000, Count: 5, MaxTimestamp: int64(w.now),
			ProducerID: producer, BaseSequence: int32(5 * round)}
	}
	return e
}

// rider is the same, of a segment that rides.
func (w *world) rider(first, n int, producer int64, round int) *SegmentRode {
	e := &SegmentRode{SegmentCommitted: *w.segment(first, n, producer, round)}
	e.Body = make([]byte, e.SizeBytes)
	return e
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Budgets in bytes. 48 an extent make 240 MB of 100,000 partitions with 50 each.
const (
	extentBudget   = 48
	packedBudget   = 20
	producerBudget = 120
	fileBudget     = 200
)

// TestStateSize prints what things take in memory; with -v, of 100,000 partitions, else of a tenth of them. Producers come one batch an entry, so
// that all windows are full, as they are in practice.
func TestStateSize(t *testing.T) {
	partitions := 10_000
	if testing.Verbose() {
		partitions = 100_000
	}
	out := io.Writer(io.Discard)
	if testing.Verbose() {
		out = os.Stdout
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what string, n int, bytes uint64, budget float64) {
		each := float64(bytes) / float64(n)
		fmt.Fprintf(table, "%s\t%d\t%d KiB\t%.1f B each\tbudget %.0f\n", what, n, bytes>>10, each, budget)
		if each > budget {
			t.Errorf("%s take %.1f B each, the budget is %.0f", what, each, budget)
		}
	}
	before := heap()
	w := newWorld(t, int32(partitions))
	for range 50 {
		for first := 0; first < partitions; first += 5000 {
			w.s = w.s.Fork()
			w.apply(t, w.segment(first, 5000, -1, 0))
		}
	}
	whole := heap() - before
	row(fmt.Sprintf("extents of %d partitions × 50, with all around them", partitions), 50*partitions, whole, extentBudget)
	began := time.Now()
	size, parts := 0, map[string][]byte{}
	for _, p := range w.s.Parts(nil) {
		parts[p.Key] = p.Encode()
		size += len(parts[p.Key])
	}
	fmt.Fprintf(table, "snapshot of it\t%d parts\t%d KiB\t%v\n", len(parts), size>>10, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	r := NewRestorer()
	for k, body := range parts {
		if err := r.Part(k, body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(table, "restored and checked\t\t\t%v\n", time.Since(began).Round(time.Millisecond))
	runtime.KeepAlive(w)
	w = nil

	before = heap()
	w = newWorld(t, 100)
	for range 2000 {
		w.now += 80
		w.s = w.s.Fork()
		w.apply(t, w.segment(0, 100, -1, 0))
	}
	row("extents of 100 partitions × 2,000, with all around them", 200_000, heap()-before, packedBudget)
	runtime.KeepAlive(w)
	w = nil

	for _, each := range []int{1, 10, 100} {
		const partitions = 2000
		w := newWorld(t, partitions)
		empty := heap()
		for pr := range each {
			for round := range WindowBatches {
				w.s = w.s.Fork()
				w.apply(t, w.segment(0, partitions, int64(pr), round))
			}
		}
		w.trimAll(t)
		row(fmt.Sprintf("producers, %d in each partition", each), partitions*each, heap()-empty, producerBudget)
		runtime.KeepAlive(w)
	}

	w = newWorld(t, 1)
	empty := heap()
	for range 200_000 {
		w.apply(t, w.segment(0, 1, -1, 0))
	}
	w.trimAll(t)
	row("files", 200_000, heap()-empty, fileBudget)
	runtime.KeepAlive(w)
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
}

// trimAll lets go of all extents.
func (w *world) trimAll(tb testing.TB) {
	for i := range w.topic.Partitions {
		p, _ := w.s.Partition(base.KeyOf(1, i))
		w.apply(tb, &Trimmed{Key: p.Key, Start: p.End, At: w.now})
	}
}

// BenchmarkApply: entries of so many appends, a fork each, to a state of 100,000 partitions.
func BenchmarkApply(b *testing.B) {
	for _, appends := range []int{1, 100, 5000} {
		b.Run(fmt.Sprintf("%d", appends), func(b *testing.B) {
			w := newWorld(b, 100_000)
			for first := 0; first < 100_000; first += 5000 {
				w.apply(b, w.segment(first, 5000, 1, 0))
			}
			b.ReportAllocs()
			first, round, total := 0, 1, 0
			for b.Loop() {
				b.StopTimer()
				e := w.segment(first, appends, 1, round)
				b.StartTimer()
				w.s = w.s.Fork()
				w.apply(b, e)
				total += appends
				if first += appends; first >= 100_000 {
					first, round = 0, round+1
				}
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkDecideCommit: segments of so many batches of known producers.
func BenchmarkDecideCommit(b *testing.B) {
	for _, n := range []int{1, 100, 5000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			w := newWorld(b, 100_000)
			for first := 0; first < 100_000; first += 5000 {
				w.apply(b, w.segment(first, 5000, 1, 0))
			}
			c := &CommitSegment{File: base.FileRef{ID: ulidOf(1 << 40)}, SizeBytes: int64(n) * 1000, LastModified: w.now}
			for i := range n {
				c.Batches = append(c.Batches, Batch{Topic: w.topic.ID, Partition: int32(i * 7), Pos: uint32(i) * 1000, Len: 1000, Count: 5,
					MaxTimestamp: 1, ProducerID: 1, BaseSequence: 5})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, r := Decide(w.s, c, w.now, config.Broker{}); r.Batches[n-1].Kind != base.OK {
					b.Fatal(r)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}
