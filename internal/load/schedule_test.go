package load

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestProducersTakeTurns(t *testing.T) {
	const ms = time.Millisecond
	var due []time.Duration
	for _, s := range schedules(100, 3, time.Second) {
		for i := range uint64(2) {
			due = append(due, s.due(i))
		}
	}
	slices.Sort(due)
	want := []time.Duration{1000 * ms, 1010 * ms, 1020 * ms, 1030 * ms, 1040 * ms, 1050 * ms}
	if !slices.Equal(due, want) {
		t.Errorf("records are due at %v, want %v", due, want)
	}
}

// A rate that does not divide a second must not drift over a long run.
func TestAScheduleDoesNotDrift(t *testing.T) {
	s := schedules(70_000, 1, 0)[0]
	day := 24 * time.Hour
	if got := s.due(70_000 * 86_400); (got - day).Abs() > time.Microsecond {
		t.Errorf("after a day's records it is %v, want %v", got, day)
	}
}

func TestDueBeforeAMoment(t *testing.T) {
	s := schedules(10, 1, time.Second)[0] // at 1.0, 1.1, 1.2, …
	for at, want := range map[time.Duration]uint64{
		0: 0, time.Second: 0, 1050 * time.Millisecond: 1, 1100 * time.Millisecond: 1, 1101 * time.Millisecond: 2, 2 * time.Second: 10,
	} {
		if got := s.before(at); got != want {
			t.Errorf("before %v are %d due, want %d", at, got, want)
		}
	}
	if got := schedules(0, 1, 0)[0].before(math.MaxInt64); got != 0 {
		t.Errorf("as fast as possible, %d are due", got)
	}
}
