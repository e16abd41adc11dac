package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// tick is a labelled place on an axis.
type tick struct {
	At    float64 // in the picture
	Label string
}

// axis maps values to places in the picture, from one to another.
type axis struct {
	low, high float64 // values
	from, to  float64 // places
	log       bool
}

func (a axis) at(v float64) float64 {
	share := (v - a.low) / (a.high - a.low)
	if a.log {
		share = math.Log(max(v, a.low)/a.low) / math.Log(a.high/a.low)
	}
	return a.from + share*(a.to-a.from)
}

// ticksWanted is how many an axis has, more or less.
const ticksWanted = 5

// valueAxis goes from 0 to a round number that top fits under.
func valueAxis(top, from, to float64) (axis, []tick) {
	step := roundStep(top / ticksWanted)
	a := axis{0, step * max(1, math.Ceil(top/step)), from, to, false}
	var ticks []tick
	for i := 0; float64(i)*step <= a.high*1.0001; i++ {
		v := float64(i) * step
		ticks = append(ticks, tick{a.at(v), plain(v)})
	}
	return a, ticks
}

// logFrom is how many times the least the most must be for an axis to be logarithmic.
const logFrom = 20

// latencyAxis is logarithmic where values are far apart.
func latencyAxis(least, top, from, to float64) (axis, []tick) {
	if least <= 0 || top/least < logFrom {
		return valueAxis(top, from, to)
	}
	a := axis{roundDown(least), roundUp(top), from, to, true}
	var ticks []tick
	for v := a.low; v <= a.high*1.0001; v = nextRound(v) {
		ticks = append(ticks, tick{a.at(v), plain(v)})
	}
	return a, ticks
}

// roundStep gives the least of 1, 2, 5, 10, … times a power of ten that is not below v.
func roundStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	return roundUp(v)
}

func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, digit := range []float64{1, 2, 5} {
		if v <= digit*power*1.0001 {
			return digit * power
		}
	}
	return 10 * power
}

func roundDown(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)*1.0000001))
	for _, digit := range []float64{5, 2} {
		if v >= digit*power {
			return digit * power
		}
	}
	return power
}

func nextRound(v float64) float64 { return roundUp(v * 1.5) }

// plain writes a round number.
func plain(v float64) string {
	if v >= 1e6 {
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + "M"
	}
	if v >= 1e4 {
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// timeSteps are the distances of ticks on a time axis, in seconds.
var timeSteps = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400}

// timeTicksMax is how many ticks a time axis has at most.
const timeTicksMax = 12

// timeSlack is the share of a step by which an axis is made longer if it then ends at a tick.
const timeSlack = 0.1

func timeAxis(first, last, from, to float64) (axis, []tick) {
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if (last-first)/s <= timeTicksMax {
			step = s
			break
		}
	}
	begin, end := math.Ceil(first/step-timeSlack), math.Floor(last/step+timeSlack)
	a := axis{min(first, begin*step), max(last, end*step), from, to, false}
	var ticks []tick
	for i := begin; i <= end; i++ {
		ticks = append(ticks, tick{a.at(i * step), clock(i * step)})
	}
	return a, ticks
}

// clock writes 0.2 s, 45 s, 2:30, 1:05:00.
func clock(seconds float64) string {
	if whole := math.Round(seconds*1000) / 1000; whole != math.Trunc(whole) && math.Abs(whole) < 120 {
		return strings.Replace(strconv.FormatFloat(whole, 'f', -1, 64), "-", "−", 1) + " s"
	}
	sign, s := "", int(math.Round(seconds))
	if s < 0 {
		sign, s = "−", -s
	}
	switch {
	case s < 120:
		return fmt.Sprintf("%s%d s", sign, s)
	case s < 3600:
		return fmt.Sprintf("%s%d:%02d", sign, s/60, s%60)
	}
	return fmt.Sprintf("%s%d:%02d:%02d", sign, s/3600, s/60%60, s%60)
}
