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

// ask is for all partitions after so many ms.
func (w *world) ask(pace Pace, after base.Millis, skipped ...place) *ask {
	return &ask{pace: pace, now: w.s.Time + after, mine: func(base.PartitionKey) bool { return true }, skips: func(p place) bool { return slices.Contains(skipped, p) }}
}

// plan tells what is planned after so many ms, file by file: partition[first offset, end).
func (w *world) plan(pace Pace, after base.Millis, skipped ...place) string {
	p := planFor(w.s, w.ask(pace, after, skipped...))
	if len(p.files) == 0 {
		if p.next == math.MaxInt64 {
			return "never"
		}
		return fmt.Sprintf("in %d ms", p.next-w.s.Time-after)
	}
	var out []string
	for _, f := range p.files {
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
		"also in the middle":                   {slices.Concat(times(8, 10), times(1, 900), times(8, 100)), "0[0,8) 0[9,17)"},
		"or at the end":                        {slices.Concat(times(8, 100), times(1, 900)), "0[0,8)"},
		"with many, the larger one goes along": {slices.Concat(times(1, 500), times(54, 90)), "0[0,51)"},
		"a stretch ends when it is whole":      {times(30, 500), "0[20,30); 0[10,20); 0[0,10)"},
		"all partitions, file by file":         {times(10, 100, 0, 200, 300, 30, 10, 500), "6[0,10); 2[0,10) 3[0,10) 4[0,10) 5[0,10); 0[0,10)"},
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
	for after, want := range map[base.Millis]string{0: "in 6000 ms", 5999: "in 1 ms", 6000: "1[0,8); 0[0,8)"} {
		if got := w.plan(testPace, after); got != want {
			t.Errorf("after %d ms: %s, want %s", after, got, want)
		}
	}
	many := testPace
	many.Bytes = 4800
	if got := w.plan(many, 0); got != "1[0,8); 0[0,8)" {
		t.Errorf("at once: %s", got)
	}
	if many.Small = 1300; w.plan(many, 0) != "in 6000 ms" {
		t.Errorf("at once, though what is merged would be small")
	}
	if got := w.plan(testPace, 6000, place{base.KeyOf(1, 0), 0}); got != "in 4000 ms" {
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

// TestPlanHasNoMoreThan so many extents of a stretch, stretches of a file, files: what is left comes with the next plan, from where this one ended.
func TestPlanHasNoMoreThan(t *testing.T) {
	w := newWorld(t, log.MergeStretchesMax+1)
	sizes := slices.Repeat([]uint32{1}, log.MergeStretchesMax+1)
	for range 8 {
		w.segment(false, sizes...)
	}
	wide := Pace{Small: 1000, Whole: 1 << 40, Bytes: 1, After: 10 * time.Second, File: 1 << 40}
	if p := planFor(w.s, w.ask(wide, 10_000)); len(p.files) != 2 || len(p.files[0]) != log.MergeStretchesMax || len(p.files[1]) != 1 {
		t.Errorf("%d files of stretches", len(p.files))
	}
	narrow := wide
	narrow.File = 1
	first := planFor(w.s, w.ask(narrow, 10_000))
	if len(first.files) != filesMax || first.below != base.KeyOf(1, log.MergeStretchesMax+1-filesMax) {
		t.Fatalf("%d files, down to %v", len(first.files), first.below)
	}
	next := w.ask(narrow, 10_000)
	next.below = first.below
	if got := planFor(w.s, next).files[0][0].Key; got != base.KeyOf(1, log.MergeStretchesMax-filesMax) {
		t.Errorf("the next plan begins with %v", got)
	}
	next.below = base.KeyOf(1, 3)
	if got := planFor(w.s, next).files; got[2][0].Key != base.KeyOf(1, 0) || got[3][0].Key != base.KeyOf(1, log.MergeStretchesMax) {
		t.Errorf("behind the first partition comes %v", got[3][0].Key)
	}

	w = newWorld(t, 1)
	for range extentsMax + 20 {
		w.segment(false, 1)
	}
	if got, want := w.plan(wide, 10_000), fmt.Sprintf("0[0,%d) 0[%d,%d)", extentsMax, extentsMax, extentsMax+20); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPlansEnd: over random logs plans that are carried out again and again, while more comes, come to an end; each byte is written anew a few
// times at most; and nothing is left that pays.
func TestPlansEnd(t *testing.T) {
	pace := Pace{Small: log.SmallBytes, Whole: 5 * log.SmallBytes, Bytes: 1, After: time.Second, File: 1 << 20}
	rapid.Check(t, func(t *rapid.T) {
		w := &world{s: meta.New()}
		w.s.Begin(1, 1_000_000)
		do := func(c log.Command) {
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
		do(&log.CreateTopic{Name: "t", ID: base.TopicID{1}, Partitions: 1})
		written, total := int64(0), int64(0)
		merge := func() bool {
			p := planFor(w.s, w.ask(pace, 10_000))
			for _, f := range p.files {
				c := &log.MergeExtents{File: w.name(), LastModified: w.s.Time}
				for _, s := range f {
					if n := int64(s.Sum.Whole.Len); n >= pace.Whole+pace.Small || s.Extents > extentsMax {
						t.Fatalf("a stretch of %d bytes in %d extents", n, s.Extents)
					}
					c.Stretches = append(c.Stretches, log.MergeStretch{Topic: s.Topic, Stretch: s.Stretch, Pos: uint32(c.SizeBytes), Hash: s.Sum.Hash})
					c.SizeBytes += int64(s.Sum.Whole.Len)
				}
				written += c.SizeBytes
				do(c)
			}
			return len(p.files) > 0
		}
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			most := rapid.Uint32Range(1, 3*log.SmallBytes/2).Draw(t, "most")
			for range rapid.IntRange(0, 150).Draw(t, "segments") {
				size := rapid.Uint32Range(1, most).Draw(t, "size")
				total += int64(size)
				do(&log.CommitSegment{File: w.name(), LastModified: w.s.Time, SizeBytes: int64(size),
					Batches: []log.Batch{{Topic: base.TopicID{1}, Len: size, Count: 1, ProducerID: -1}}})
			}
			for range rapid.IntRange(0, 2).Draw(t, "plans") {
				merge()
			}
		}
		for plans := 0; merge(); plans++ {
			if plans > 100 {
				t.Fatal("plans do not come to an end")
			}
		}
		if written > 6*total {
			t.Fatalf("%d bytes were written anew of %d", written, total)
		}
		leavesNothing(t, w, pace)
		if err := w.s.Log.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// leavesNothing goes through the whole list, without passing over any of it: no row of small extents pays.
func leavesNothing(t *rapid.T, w *world, pace Pace) {
	p, _ := w.s.Log.Partition(base.KeyOf(1, 0))
	f := finder{log: w.s.Log, ask: w.ask(pace, 10_000), rides: math.MaxUint64}
	var row []log.Extent
	bytes := int64(0)
	p.Extents.From(0, func(e log.Extent) bool {
		if int64(e.Len) < pace.Small {
			row, bytes = append(row, e), bytes+int64(e.Len)
		}
		if int64(e.Len) >= pace.Small || bytes >= pace.Whole {
			f.pick(p, row)
			row, bytes = nil, 0
		}
		return true
	})
	f.pick(p, row)
	if len(f.found) > 0 {
		t.Fatalf("%d extents from offset %d on are left as they are", f.found[0].Extents, f.found[0].Base)
	}
}
