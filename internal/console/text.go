package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base"
)

// amount writes a number in three or four characters: 7, 950, 1.2k, 34k, 5.6M.
func amount(n any) string {
	var value float64
	switch n := n.(type) {
	case int:
		value = float64(n)
	case int64:
		value = float64(n)
	case uint64:
		value = float64(n)
	case float64:
		value = n
	}
	return scaled(value, 1000, []string{"", "k", "M", "G", "T", "P", "E"})
}

// byteSize writes 512 B, 1.2 KiB, 34 MiB.
func byteSize(n any) string {
	var value float64
	switch n := n.(type) {
	case int64:
		value = float64(n)
	case float64:
		value = n
	}
	return scaled(value, 1024, []string{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"})
}

func scaled(value, step float64, units []string) string {
	unit := 0
	for value >= step-0.5 && unit < len(units)-1 {
		value /= step
		unit++
	}
	if value >= 10 || value == float64(int64(value)) {
		return fmt.Sprintf("%.0f%s", value, units[unit])
	}
	return fmt.Sprintf("%.1f%s", value, units[unit])
}

// millis writes seconds as people read latencies: 4.2 ms, 310 ms, 1.25 s; a dash where nothing happened.
func millis(seconds float64) string {
	switch ms := seconds * 1000; {
	case ms <= 0:
		return "–"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.2f s", seconds)
	}
}

// ago writes how long before now a moment of bucket time was. The two clocks may differ: never negative.
func ago(now time.Time, then base.Millis) string {
	if then <= 0 {
		return "–"
	}
	return lasting(max(0, now.Sub(time.UnixMilli(int64(then))))) + " ago"
}

// lasting writes 12 s, 12 min, 12 h.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
}

// percent is used/limit of 100, for a bar.
func percent(used, limit int64) int64 {
	if limit <= 0 {
		return 0
	}
	return min(100, max(0, used*100/limit))
}

const (
	chartWidth  = 600.0
	chartHeight = 100.0
)

// chartFloor keeps a near idle agent's chart near the bottom, in bytes per second.
const chartFloor = 1024

// chart is the history of throughput, in bytes per second, scaled to one maximum.
type chart struct {
	In, Out []float64
	Max     float64
}

func newChart(points []Rates) chart {
	c := chart{Max: chartFloor}
	for _, p := range points {
		c.In, c.Out = append(c.In, p.BytesIn), append(c.Out, p.BytesOut)
		c.Max = max(c.Max, p.BytesIn, p.BytesOut)
	}
	return c
}

// line gives the points of an SVG polyline, the newest at the right edge.
func line(values []float64, top float64) string {
	var out strings.Builder
	step := chartWidth / (historyPoints - 1)
	left := chartWidth - step*float64(len(values)-1)
	for i, v := range values {
		fmt.Fprintf(&out, "%.1f,%.1f ", left+step*float64(i), chartHeight-2-(chartHeight-6)*v/top)
	}
	return strings.TrimSpace(out.String())
}

// area closes a line along the bottom.
func area(values []float64, top float64) string {
	if len(values) == 0 {
		return ""
	}
	left := chartWidth - chartWidth/(historyPoints-1)*float64(len(values)-1)
	return fmt.Sprintf("%.1f,%.0f %s %.0f,%.0f", left, chartHeight, line(values, top), chartWidth, chartHeight)
}
