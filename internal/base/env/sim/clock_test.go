package sim

import (
	"testing"
	"time"
)

// TestMakeTime holds the layout of time.Time that makeTime relies on.
func TestMakeTime(t *testing.T) {
	a := makeTime(1_700_000_000_123456789, 5_000_000_000)
	if got := a.Format(time.RFC3339Nano); got != "2023-11-14T22:13:20.123456789Z" {
		t.Fatalf("the wall clock reads %s", got)
	}
	b := makeTime(1_600_000_000_000000000, 7_000_000_000)
	if d := b.Sub(a); d != 2*time.Second || !b.After(a) {
		t.Fatalf("the difference is not that of the monotonic readings: %v", d)
	}
	if b.Round(0).After(a.Round(0)) || b.UnixNano() != 1_600_000_000_000000000 {
		t.Fatal("without monotonic readings the wall clock does not count")
	}
	if c := a.Add(3 * time.Second); !c.After(b) || c.UnixNano() != 1_700_000_003_123456789 {
		t.Fatalf("a sum is wrong: %v", c)
	}
}

func TestMomentIsTheFirstThatReachesTheDeadline(t *testing.T) {
	for _, ppm := range []int64{-500_000, -100_000, -7, 0, 3, 250, 333_333, 1_000_000} {
		c := clock{wall: epoch, ppm: ppm}
		for _, d := range []time.Duration{1, 999, time.Millisecond + 1, 17 * time.Second, 300 * time.Hour} {
			const from = 1_234_567_890_123
			deadline := c.now(from).Add(d)
			at := c.moment(from, deadline)
			if c.now(at).Before(deadline) {
				t.Errorf("%d ppm, %v: too early", ppm, d)
			}
			if !c.now(at - 3).Before(deadline) {
				t.Errorf("%d ppm, %v: too late", ppm, d)
			}
		}
	}
	c := clock{wall: epoch}
	if at := c.moment(5, c.now(4)); at != 5 {
		t.Errorf("a deadline that has passed: %d", at)
	}
	if at := c.moment(5, time.Time{}); at != never {
		t.Errorf("no deadline: %d", at)
	}
	if at := c.moment(5, c.now(5).Add(1<<63-1)); at <= 5 || at == never {
		t.Errorf("a deadline past the end of time: %d", at)
	}
}

// Two suspensions that overlap are one that lasts until the later end.
func TestStoppingTwiceIsNotLonger(t *testing.T) {
	c := clock{wall: epoch}
	if by := c.stop(10, 100); by != 100 {
		t.Errorf("stopped for 100: by %d", by)
	}
	if by := c.stop(50, 20); by != 0 || c.monotonic(110) != 10 {
		t.Errorf("stopped for less than is left: by %d, the clock shows %d", by, c.monotonic(110))
	}
	if by := c.stop(60, 100); by != 50 || c.monotonic(160) != 10 || c.monotonic(161) != 11 {
		t.Errorf("stopped for 50 more: by %d, the clock shows %d, then %d", by, c.monotonic(160), c.monotonic(161))
	}
	if wall := c.now(170).UnixNano(); wall != epoch+170 {
		t.Errorf("the wall clock is %d off", wall-epoch-170)
	}
}
