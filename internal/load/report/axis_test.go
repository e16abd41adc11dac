package report

import (
	"math"
	"strings"
	"testing"
)

func labels(ticks []tick) string {
	var all []string
	for _, t := range ticks {
		all = append(all, t.Label)
	}
	return strings.Join(all, " ")
}

func TestTicksAreRoundNumbers(t *testing.T) {
	for top, want := range map[float64]string{
		0: "0 1", 1: "0 0.2 0.4 0.6 0.8 1", 103: "0 50 100 150", 5: "0 1 2 3 4 5", 0.07: "0 0.02 0.04 0.06 0.08", 48_000: "0 10k 20k 30k 40k 50k", 2e6: "0 500k 1M 1.5M 2M",
	} {
		a, ticks := valueAxis(top, 100, 0)
		if got := labels(ticks); got != want {
			t.Errorf("up to %g: %s, want %s", top, got, want)
		}
		if y := a.at(top); math.IsNaN(y) || y < 0 || y > 100 {
			t.Errorf("%g lies at %g", top, y)
		}
	}
}

func TestLatenciesFarApartAreDrawnByTheirLogarithm(t *testing.T) {
	for _, c := range []struct {
		least, top float64
		want       string
	}{
		{100, 390, "0 100 200 300 400"},
		{120, 60_000, "100 200 500 1000 2000 5000 10k 20k 50k 100k"},
		{0.03, 1, "0.02 0.05 0.1 0.2 0.5 1"},
		{0, 50, "0 10 20 30 40 50"},
	} {
		a, ticks := latencyAxis(c.least, c.top, 100, 0)
		if got := labels(ticks); got != c.want {
			t.Errorf("%g to %g: %s, want %s", c.least, c.top, got, c.want)
		}
		if low, high := a.at(max(c.least, a.low)), a.at(c.top); low > 100 || high < 0 || low <= high {
			t.Errorf("%g to %g lie at %g and %g", c.least, c.top, low, high)
		}
	}
}

func TestTimeIsWrittenAsPeopleDo(t *testing.T) {
	for _, c := range []struct {
		first, last float64
		want        string
	}{
		{-5, 30, "−5 s 0 s 5 s 10 s 15 s 20 s 25 s 30 s"},
		{-0.3, 1.97, "−0.2 s 0 s 0.2 s 0.4 s 0.6 s 0.8 s 1 s 1.2 s 1.4 s 1.6 s 1.8 s"},
		{0, 0.066, "0 s 0.01 s 0.02 s 0.03 s 0.04 s 0.05 s 0.06 s"},
		{0.001, 3.97, "0 s 0.5 s 1 s 1.5 s 2 s 2.5 s 3 s 3.5 s 4 s"},
		{0, 600, "0 s 60 s 2:00 3:00 4:00 5:00 6:00 7:00 8:00 9:00 10:00"},
		{0, 7200, "0 s 10:00 20:00 30:00 40:00 50:00 1:00:00 1:10:00 1:20:00 1:30:00 1:40:00 1:50:00 2:00:00"},
	} {
		_, ticks := timeAxis(c.first, c.last, 0, 100)
		if labels(ticks) != c.want {
			t.Errorf("%g to %g s: %s, want %s", c.first, c.last, labels(ticks), c.want)
		}
		if ticks[0].At < 0 || ticks[len(ticks)-1].At > 100 {
			t.Errorf("%g to %g s: ticks from %g to %g of 100", c.first, c.last, ticks[0].At, ticks[len(ticks)-1].At)
		}
	}
}
