package sim

import (
	"time"
	"unsafe"
)

// clock is a process's own: a monotonic one that may run fast or slow and stands still while the machine sleeps, and a
// wall clock, which is the monotonic one plus an offset that may be stepped.
type clock struct {
	base int64 // a virtual moment; in the future while the machine sleeps ...
	mono int64 // ... and the monotonic reading then
	wall int64 // nanoseconds since 1970 when the monotonic reading is 0
	ppm  int64 // how much it runs fast, in parts per million
}

const million = 1_000_000

// monotonic gives the monotonic reading at the virtual moment v.
func (c *clock) monotonic(v int64) int64 {
	e := max(0, v-c.base)
	return c.mono + e + e/million*c.ppm + e%million*c.ppm/million
}

func (c *clock) now(v int64) time.Time {
	m := c.monotonic(v)
	return makeTime(c.wall+m, m)
}

// moment gives the first virtual moment, v or later, at which the clock has reached t; never for the zero time. Like
// the runtime's, it goes by t's monotonic reading if there is one.
func (c *clock) moment(v int64, t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	left := int64(t.Sub(c.now(v)))
	if left <= 0 {
		return v
	}
	if left > never/4 {
		return never / 2 // about 146 years; nearer than never, so that the sum below does not overflow
	}
	rate := million + c.ppm
	e := left/rate*million + left%rate*million/rate
	for c.monotonic(v+e)-c.monotonic(v) < left {
		e++
	}
	return v + e
}

// stop has the monotonic clock stand still from the virtual moment v on for d, and tells by how much that is longer than
// it would have anyway.
func (c *clock) stop(v, d int64) (by int64) {
	if c.base < v {
		c.rebase(v)
	}
	by = max(0, v+d-c.base)
	c.base += by
	c.wall += by
	return by
}

func (c *clock) rebase(v int64) { c.mono, c.base = c.monotonic(v), v }

// makeTime makes the time.Time that time.Now would give, in UTC, at a wall clock reading and a monotonic one. The time
// package offers no way, so it writes the layout (package time, type Time: 1 bit "has monotonic", 33 bits of seconds
// since 1885, 30 bits of nanoseconds; then the monotonic reading), which a test holds. Without it, stepping a wall
// clock would break what Env.Now promises of differences.
func makeTime(wallNs, monoNs int64) time.Time {
	const from1885To1970 = (85*365 + 20) * 86400
	sec, ns := wallNs/1e9, wallNs%1e9
	parts := struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}{wall: 1<<63 | uint64(sec+from1885To1970)<<30 | uint64(ns), ext: monoNs}
	return *(*time.Time)(unsafe.Pointer(&parts))
}
