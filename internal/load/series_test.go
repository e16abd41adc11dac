package load

import (
	"math"
	"testing"
	"time"
)

// read is a series of a backlog that is read at 10 MB/s, and at the end at 40, for so long.
func read(length time.Duration) *series {
	s := newSeries(0)
	at := time.Duration(0)
	for at+s.step < length {
		at += s.step
		s.add(Point{At: at.Seconds(), Seconds: s.step.Seconds(), Backfilled: Pace{1000, 10}})
	}
	// The rest of a step goes by before somebody says that it was the last, and then some more.
	over, step := (length - at).Seconds(), s.step.Seconds()
	s.add(Point{At: at.Seconds() + step, Seconds: step, Backfilled: Pace{4000 * over / step, 40 * over / step}})
	s.add(Point{At: at.Seconds() + 2*step, Seconds: step})
	s.close(length)
	return s
}

// A short run has many points, a long one not too many; the last ends where the run does, and nothing is lost or counted twice.
func TestASeriesIsFineWhereTheRunIsShort(t *testing.T) {
	const ms = time.Millisecond
	for length, want := range map[time.Duration]int{20 * ms: 1, 170 * ms: 2, 2130 * ms: 21, 2170 * ms: 22, 59_970 * ms: 60, time.Hour: 3600} {
		s := read(length)
		if len(s.points) != want {
			t.Errorf("%v: %d points, want %d", length, len(s.points), want)
		}
		total, mb := 0.0, 0.0
		for _, p := range s.points {
			total, mb = total+p.Seconds, mb+p.Seconds*p.Backfilled.MBPerSec
		}
		if last := s.points[len(s.points)-1]; math.Abs(total-length.Seconds()) > 1e-6 || math.Abs(last.At-total) > 1e-6 {
			t.Errorf("%v: the points cover %g s, the last ends at %g", length, total, last.At)
		}
		if least, most := 10*length.Seconds(), 40*length.Seconds(); mb < least-1e-6 || mb > most+1e-6 {
			t.Errorf("%v: %g MB in all", length, mb)
		}
	}
	if s := read(2130 * ms); math.Abs(s.points[20].Backfilled.MBPerSec-(10*100+40*30)/130.0) > 1e-6 {
		t.Errorf("30 ms at 40 MB/s after 100 ms at 10 are %+v", s.points[20])
	}
}

func TestPointsAreMerged(t *testing.T) {
	p := Point{At: 1, Seconds: 1, Produced: Pace{100, 10}, Ack: Tick{5, 10, 20}}
	p.Add(Point{At: 4, Seconds: 3, Produced: Pace{200, 20}, Ack: Tick{9, 8, 30}, EndToEnd: Tick{1, 2, 3}})
	if want := (Point{At: 4, Seconds: 4, Produced: Pace{175, 17.5}, Ack: Tick{8, 10, 30}, EndToEnd: Tick{1, 2, 3}}); p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
	p.Add(Point{At: 8, Seconds: 4})
	if want := (Point{At: 8, Seconds: 8, Produced: Pace{87.5, 8.75}, Ack: Tick{8, 10, 30}, EndToEnd: Tick{1, 2, 3}}); p != want {
		t.Errorf("with 4 s of nothing %+v, want %+v", p, want)
	}
}

// Points begin and end with the window.
func TestPointsAreAlignedToTheWindow(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, c := range []struct{ last, end, step, want time.Duration }{
		{5 * s, 40 * s, s, 6 * s},
		{5*s + 2*ms, 40 * s, s, 6 * s},
		{5*s + 700*ms, 40 * s, s, 7 * s},       // woken late: rather one that is long than one that is short
		{39 * s, 40 * s, s, 40 * s},            // the last of the window
		{39 * s, 39*s + 400*ms, s, 39400 * ms}, // is shorter
		{38 * s, 39*s + 400*ms, s, 39400 * ms}, // or longer
		{40 * s, 40 * s, s, 41 * s},            // what comes in late
		{2 * s, 40 * s, s, 3 * s},              // the warm-up
		{10*s + 50*ms, forever, 100 * ms, 10200 * ms},
	} {
		o := observer{run: &run{window: newWindow(10*s, c.end)}, series: &series{step: c.step}, zero: 10 * s, last: c.last}
		if got := o.next(); got != c.want {
			t.Errorf("after %v, in steps of %v until %v: %v, want %v", c.last, c.step, c.end, got, c.want)
		}
	}
}
