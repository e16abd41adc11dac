package merge

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// world is a state that segments are committed to.
type world struct {
	tb   testing.TB
	s    *meta.State
	ulid uint64
}

func newWorld(tb testing.TB, partitions int32) *world {
	w := &world{tb: tb, s: meta.New()}
	w.s.Begin(1, 1_000_000)
	w.decide(&log.CreateTopic{Name: "t", ID: base.TopicID{1}, Partitions: partitions})
	return w
}

func (w *world) decide(c log.Command) {
	w.tb.Helper()
	events, r := log.Decide(w.s.Log, c, w.s.Time, config.Broker{})
	if r.Kind != base.OK {
		w.tb.Fatalf("%T: %s", c, r.Text)
	}
	for _, e := range events {
		if err := w.s.Log.Apply(e); err != nil {
			w.tb.Fatal(err)
		}
	}
}

func (w *world) name() base.FileRef {
	w.ulid++
	return base.FileRef{ID: base.ULID{8: byte(w.ulid >> 8), 9: byte(w.ulid), 15: byte(w.ulid)}}
}

// segment commits one batch of each size, to partitions 0, 1, …; none of size 0.
func (w *world) segment(rides bool, sizes ...uint32) {
	w.tb.Helper()
	c := &log.CommitSegment{File: w.name(), LastModified: w.s.Time, SizeBytes: 16}
	for i, size := range sizes {
		if size > 0 {
			c.Batches = append(c.Batches, log.Batch{Topic: base.TopicID{1}, Partition: int32(i), Pos: uint32(c.SizeBytes), Len: size, Count: 1, ProducerID: -1})
			c.SizeBytes += int64(size)
		}
	}
	if rides {
		c.Body = make([]byte, c.SizeBytes)
	}
	w.decide(c)
}

// register has an agent of that level live.
func (w *world) register(level uint16) {
	o, _ := meta.Decide(w.s, meta.Command{Op: &admin.Register{Profile: admin.Profile{Nonce: [16]byte{byte(level)}, Kafka: "a:1", Level: level}}}, w.s.Time, meta.NewRules(nil, nil))
	if err := w.s.Apply(&o); err != nil {
		w.tb.Fatal(err)
	}
}

// plan tells what is planned after so many ms, file by file: partition[first offset, end).
func (w *world) plan(pace Pace, after base.Millis, skipped ...base.PartitionKey) string {
	files, next := Plan(w.s, w.s.Time+after, pace, func(k base.PartitionKey) bool { return slices.Contains(skipped, k) })
	if len(files) == 0 {
		if next == math.MaxInt64 {
			return "never"
		}
		return fmt.Sprintf("in %d ms", next-w.s.Time-after)
	}
	var out []string
	for _, f := range files {
		var b strings.Builder
		for _, s := range f {
			fmt.Fprintf(&b, "%d[%d,%d) ", s.Key.Index(), s.Base, s.Sum.Whole.End())
		}
		out = append(out, strings.TrimSpace(b.String()))
	}
	return strings.Join(out, "; ")
}

var testPace = Pace{Small: 1000, Whole: 5000, Bytes: 10_000, After: 10 * time.Second, File: 4000}

// TestPlan: what is brought together. A line commits segments with these sizes for partitions 0, 1, …
func TestPlan(t *testing.T) {
	times := func(n int, sizes ...uint32) (all [][]uint32) {
		for range n {
			all = append(all, sizes)
		}
		return all
	}
	for name, c := range map[string]struct {
		segments [][]uint32
		want     string // when all that is there is old enough
	}{
		"nothing":                              {nil, "never"},
		"seven are too few":                    {times(7, 100), "never"},
		"eight pay":                            {times(8, 100), "0[0,8)"},
		"large ones are left alone":            {times(20, 1000), "never"},
		"a large one parts small ones":         {slices.Concat(times(7, 100), times(1, 1000), times(9, 100)), "0[8,17)"},
		"one that is much larger stays as is":  {slices.Concat(times(1, 900), times(9, 100)), "0[1,10)"},
		"also in the middle":                   {slices.Concat(times(8, 10), times(1, 900), times(8, 100)), "0[0,8)"},
		"or at the end":                        {slices.Concat(times(8, 100), times(1, 900)), "0[0,8)"},
		"with many, the larger one goes along": {slices.Concat(times(1, 500), times(70, 90)), "0[0,51)"},
		"a stretch ends when it is whole":      {times(100, 500), "0[0,10)"},
		"all partitions, file by file":         {times(10, 100, 0, 200, 300, 30, 10, 500), "0[0,10) 2[0,10) 3[0,10); 4[0,10) 5[0,10) 6[0,10)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 8)
			for _, sizes := range c.segments {
				w.segment(false, sizes...)
			}
			if got := w.plan(testPace, 10_000); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestPlanIsDue by age, or when there are many bytes; young extents go along.
func TestPlanIsDue(t *testing.T) {
	w := newWorld(t, 2)
	for range 8 {
		w.segment(false, 100)
	}
	w.s.Begin(2, w.s.Time+4000)
	for range 8 {
		w.segment(false, 0, 500)
	}
	for after, want := range map[base.Millis]string{0: "in 6000 ms", 5999: "in 1 ms", 6000: "0[0,8) 1[0,8)"} {
		if got := w.plan(testPace, after); got != want {
			t.Errorf("after %d ms: %s, want %s", after, got, want)
		}
	}
	many := testPace
	many.Bytes = 4800
	if got := w.plan(many, 0); got != "0[0,8) 1[0,8)" {
		t.Errorf("at once: %s", got)
	}
	if got := w.plan(testPace, 6000, base.KeyOf(1, 0)); got != "in 4000 ms" {
		t.Errorf("without what is passed over: %s", got)
	}
}

// TestPlanLeavesRidersAlone, and what lies behind them: they land first, and are merged where they have landed.
func TestPlanLeavesRidersAlone(t *testing.T) {
	w := newWorld(t, 1)
	for range 8 {
		w.segment(false, 100)
	}
	for range 9 {
		w.segment(true, 100)
	}
	w.segment(false, 100)
	if got := w.plan(testPace, 10_000); got != "0[0,8)" {
		t.Errorf("%s", got)
	}
	c := &log.LandFiles{File: w.name(), LastModified: w.s.Time}
	w.s.Log.Riders(func(n uint64, f log.File) bool {
		c.Landings = append(c.Landings, log.Landing{File: n, Delta: uint32(c.SizeBytes)})
		c.SizeBytes += f.SizeBytes
		return true
	})
	w.decide(c)
	if got := w.plan(testPace, 10_000); got != "0[0,18)" {
		t.Errorf("%s", got)
	}
}

// TestPlanWaitsForOlderAgents, which do not know merges.
func TestPlanWaitsForOlderAgents(t *testing.T) {
	w := newWorld(t, 1)
	for range 8 {
		w.segment(false, 100)
	}
	w.register(log.MergeLevel)
	if got := w.plan(testPace, 10_000); got != "0[0,8)" {
		t.Errorf("%s", got)
	}
	w.register(log.MergeLevel - 1)
	if got := w.plan(testPace, 10_000); got != "never" {
		t.Errorf("with an older agent: %s", got)
	}
}

// TestPlansEnd: over random logs a plan applied again and again comes to an end, each byte being written anew a few times at most, and then
// leaves no row of small extents of like sizes.
func TestPlansEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{tb: nil, s: meta.New()}
		w.s.Begin(1, 1_000_000)
		fail := func(c log.Command) {
			events, r := log.Decide(w.s.Log, c, w.s.Time, config.Broker{})
			if r.Kind != base.OK {
				t.Fatalf("%T: %s", c, r.Text)
			}
			for _, e := range events {
				if err := w.s.Log.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
		}
		fail(&log.CreateTopic{Name: "t", ID: base.TopicID{1}, Partitions: 1})
		most := rapid.Uint32Range(1, 1500).Draw(t, "most")
		written, total := int64(0), int64(0)
		for range rapid.IntRange(0, 300).Draw(t, "segments") {
			size := rapid.Uint32Range(1, most).Draw(t, "size")
			total += int64(size)
			fail(&log.CommitSegment{File: w.name(), LastModified: w.s.Time, SizeBytes: int64(size),
				Batches: []log.Batch{{Topic: base.TopicID{1}, Len: size, Count: 1, ProducerID: -1}}})
		}
		for rounds := 0; ; rounds++ {
			files, _ := Plan(w.s, w.s.Time+10_000, testPace, func(base.PartitionKey) bool { return false })
			if len(files) == 0 {
				break
			}
			s := files[0][0]
			if rounds > 300 || len(files) != 1 || len(files[0]) != 1 || int64(s.Sum.Whole.Len) >= testPace.Whole+int64(testPace.Small) {
				t.Fatalf("round %d: %d files, %+v", rounds, len(files), files[0])
			}
			written += int64(s.Sum.Whole.Len)
			fail(&log.MergeExtents{File: w.name(), LastModified: w.s.Time, SizeBytes: int64(s.Sum.Whole.Len),
				Stretches: []log.MergeStretch{{Topic: s.Topic, Stretch: s.Stretch, Hash: s.Sum.Hash}}})
		}
		if written > 4*total {
			t.Fatalf("%d bytes were written anew of %d", written, total)
		}
		if err := w.s.Log.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
