package load

import (
	"sync"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept in µs: three digits of the whole, two of a second, which is only drawn.
const (
	latencyMax    = int64(time.Hour / time.Microsecond)
	digits        = 3
	secondsDigits = 2
)

// window is the part of a run that is measured, by the run's clock. It may be moved before it begins, and cut short.
type window struct{ first, last atomic.Int64 }

func newWindow(from, to time.Duration) *window {
	w := &window{}
	w.open(from, to)
	return w
}

func (w *window) open(from, to time.Duration) {
	w.last.Store(int64(to))
	w.first.Store(int64(from))
}

func (w *window) from() time.Duration { return time.Duration(w.first.Load()) }
func (w *window) end() time.Duration  { return time.Duration(w.last.Load()) }

// cut ends the window at a moment, if that is earlier.
func (w *window) cut(at time.Duration) { w.last.Store(int64(min(w.end(), max(at, w.from())))) }

func (w *window) holds(at time.Duration) bool { return at >= w.from() && at < w.end() }

// micros gives the value of a latency in a histogram.
func micros(d time.Duration) int64 { return min(max(int64(d/time.Microsecond), 1), latencyMax) }

// flow counts records and the bytes of their values.
type flow struct{ records, bytes int64 }

func (f *flow) add(o flow) {
	f.records += o.records
	f.bytes += o.bytes
}

// meter measures what one worker has done. It may be read while the worker is at work.
type meter struct {
	window *window

	mu       sync.Mutex
	measured flow           // done in the window
	second   flow           // since the last take
	last     time.Duration  // when something was done last
	whole    *hdr.Histogram // of what was due in the window; nil: latencies do not count
	seconds  *hdr.Histogram // of what was done since the last take
}

func newMeter(w *window, latencies bool) *meter {
	m := &meter{window: w}
	if latencies {
		m.whole, m.seconds = hdr.New(1, latencyMax, digits), hdr.New(1, latencyMax, secondsDigits)
	}
	return m
}

// done counts a record that was due and is done now.
func (m *meter) done(now, due time.Duration, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count(now, due, bytes)
}

// count is done for a caller that holds m.mu.
func (m *meter) count(now, due time.Duration, bytes int) {
	f := flow{1, int64(bytes)}
	m.second.add(f)
	m.last = now
	if m.window.holds(now) {
		m.measured.add(f)
	}
	if m.whole == nil {
		return
	}
	us := micros(now - due)
	_ = m.seconds.RecordValue(us) // in range
	if m.window.holds(due) {
		_ = m.whole.RecordValue(us)
	}
}

// gauge is what several meters show together.
type gauge struct {
	flow
	latency *hdr.Histogram
}

// newGauge makes one of a short time.
func newGauge() gauge { return gauge{latency: hdr.New(1, latencyMax, secondsDigits)} }

func (g *gauge) merge(o gauge) {
	g.add(o.flow)
	g.latency.Merge(o.latency)
}

// take gives what was done since it was called last.
func take(meters []*meter) gauge {
	g := newGauge()
	for _, m := range meters {
		m.mu.Lock()
		g.add(m.second)
		if m.seconds != nil {
			g.latency.Merge(m.seconds)
			m.seconds.Reset()
		}
		m.second = flow{}
		m.mu.Unlock()
	}
	return g
}

// total gives what was measured.
func total(meters []*meter) gauge {
	g := gauge{latency: hdr.New(1, latencyMax, digits)}
	for _, m := range meters {
		m.mu.Lock()
		g.add(m.measured)
		if m.whole != nil {
			g.latency.Merge(m.whole)
		}
		m.mu.Unlock()
	}
	return g
}

// lastOf gives when any of them did something last.
func lastOf(meters []*meter) (last time.Duration) {
	for _, m := range meters {
		m.mu.Lock()
		last = max(last, m.last)
		m.mu.Unlock()
	}
	return last
}
