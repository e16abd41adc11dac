package load

import (
	"context"
	"math"
	"time"
)

// schedule says when the records of one producer are due. All producers of a run take turns.
type schedule struct {
	first, gap float64 // ns since the run began, and between two records; gap 0: each is due when it is sent
}

// schedules shares a rate out among n producers.
func schedules(recordsPerSec float64, n int, start time.Duration) []schedule {
	all := make([]schedule, n)
	for i := range all {
		all[i] = schedule{first: float64(start)}
		if recordsPerSec > 0 {
			turn := float64(time.Second) / recordsPerSec
			all[i] = schedule{first: float64(start) + float64(i)*turn, gap: float64(n) * turn}
		}
	}
	return all
}

// paced reports whether there is a rate to keep.
func (s schedule) paced() bool { return s.gap > 0 }

// due gives the moment of the i-th record, from 0.
func (s schedule) due(i uint64) time.Duration { return time.Duration(s.first + float64(i)*s.gap) }

// before counts the records that are due before a moment; 0 where there is no rate to keep.
func (s schedule) before(at time.Duration) uint64 {
	if !s.paced() || float64(at) <= s.first {
		return 0
	}
	return uint64(math.Ceil((float64(at) - s.first) / s.gap))
}

// sleepUntil waits for a moment of the run's clock, and reports false if ctx ended first.
func sleepUntil(ctx context.Context, clock *clock, at time.Duration) bool {
	left := at - clock.now()
	if left <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// clock is the run's: the time since it began, monotonic.
type clock struct{ began time.Time }

func (c *clock) now() time.Duration { return time.Since(c.began) }
