package load

import (
	"testing"
	"time"
)

// Latencies belong to what was due in the window, throughput to what was done in it.
func TestWhatCounts(t *testing.T) {
	const s = time.Second
	m := newMeter(newWindow(10*s, 20*s), true)
	for _, r := range []struct{ due, done time.Duration }{
		{8 * s, 9 * s},   // neither
		{9 * s, 11 * s},  // done in it
		{12 * s, 13 * s}, // both
		{21 * s, 22 * s}, // neither
		{19 * s, 25 * s}, // due in it
	} {
		m.done(r.done, r.due, 100)
	}
	g := total([]*meter{m})
	if g.records != 2 || g.bytes != 200 {
		t.Errorf("throughput counts %+v, want 2 records", g.flow)
	}
	if g.latency.TotalCount() != 2 || millis(g.latency.Max()) < 5990 || millis(g.latency.Min()) > 1010 {
		t.Errorf("latencies count %d, from %v to %v ms; want 2, of 1 s and of 6 s", g.latency.TotalCount(), millis(g.latency.Min()), millis(g.latency.Max()))
	}
	if second := take([]*meter{m}); second.records != 5 {
		t.Errorf("since the beginning %+v, want all 5", second.flow)
	}
	if second := take([]*meter{m}); second.records != 0 || second.latency.TotalCount() != 0 {
		t.Errorf("taken twice: %+v", second.flow)
	}
}

func TestAWindowCanBeCutShort(t *testing.T) {
	w := newWindow(10, 20)
	w.cut(15)
	w.cut(18)
	if w.end() != 15 || !w.holds(14) || w.holds(15) || w.holds(9) {
		t.Errorf("the window is %d to %d, want 10 to 15", w.from(), w.end())
	}
	w.cut(5)
	if w.end() != 10 {
		t.Errorf("cut before its beginning it ends at %d, want to be empty", w.end())
	}
}

func TestLatencyTellsItsQuantiles(t *testing.T) {
	m := newMeter(newWindow(0, forever), true)
	for i := range 1000 {
		m.done(time.Duration(i+1)*time.Millisecond, 0, 1)
	}
	l := latencyOf(total([]*meter{m}).latency)
	for _, c := range []struct{ got, want float64 }{
		{l.P50, 500}, {l.P90, 900}, {l.P99, 990}, {l.P999, 999}, {l.P9999, 1000}, {l.Max, 1000}, {l.Mean, 500.5},
		{l.Curve[0].Ms, 1}, {l.Curve[len(l.Curve)-1].Ms, 1000},
	} {
		if c.got < 0.998*c.want || c.got > 1.002*c.want {
			t.Errorf("quantiles %+v: %v should be %v", l, c.got, c.want)
		}
	}
	for i := 1; i < len(l.Curve); i++ {
		if l.Curve[i].Q <= l.Curve[i-1].Q || l.Curve[i].Ms < l.Curve[i-1].Ms {
			t.Fatalf("the curve falls at %+v", l.Curve[i])
		}
	}
}
