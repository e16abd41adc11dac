package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/millrace-io/millrace/internal/load"
)

// chart is one plot, in units of its own picture.
type chart struct {
	Title, Unit   string
	Width, Height float64
	frame
	XTicks, YTicks []tick
	Lines          []line
	Shade          *shade // the warm-up
	Columns        []column
}

// frame is where the plot lies in its picture.
type frame struct{ Left, Right, Top, Bottom float64 }

// line is one of a chart. Its class says what it looks like.
type line struct {
	Name, Class  string
	Points, Area string // of a polyline, and of the polygon below it; empty: none
}

// Depth is the height of the plot.
func (f frame) Depth() float64 { return f.Bottom - f.Top }

type shade struct{ X, Width float64 }

// Middle is where its label goes.
func (s shade) Middle() float64 { return s.X + s.Width/2 }

// column is a strip of the plot that says its values when one points at it.
type column struct {
	X, Width float64
	Text     string
}

// Sizes of pictures.
const (
	wide, half           = 1080, 530
	wideHeight, lowerOne = 250, 220
)

func newChart(title, unit string, width, height float64) *chart {
	return &chart{Title: title, Unit: unit, Width: width, Height: height, frame: frame{46, width - labelRoom, 10, height - 26}}
}

// labelRoom is what half of the longest label takes, 99.9999 %: the last one of an axis stands below the end of the plot.
const labelRoom = 38

// pointsMax is how many points a plot over time has: more cannot be told apart.
const pointsMax = 400

// thin merges neighbours until there are few enough: throughput and medians by their mean, the rest by the worst.
func thin(points []load.Point) []load.Point {
	group := (len(points) + pointsMax - 1) / pointsMax
	if group <= 1 {
		return points
	}
	var out []load.Point
	for i := 0; i < len(points); i += group {
		out = append(out, merge(points[i:min(i+group, len(points))]))
	}
	return out
}

func merge(points []load.Point) load.Point {
	m := points[0]
	for _, p := range points[1:] {
		m.Add(p)
	}
	return m
}

// flowLine is a throughput that is drawn.
type flowLine struct {
	name, class string
	of          func(load.Point) float64 // MB/s
}

var (
	flows = []flowLine{
		{"produced", "in", func(p load.Point) float64 { return p.Produced.MBPerSec }},
		{"consumed", "out", func(p load.Point) float64 { return p.Consumed.MBPerSec }},
		{"backlog read", "old", func(p load.Point) float64 { return p.Backfilled.MBPerSec }},
	}
	filling = []flowLine{{"backlog written", "in", func(p load.Point) float64 { return p.Produced.MBPerSec }}}
)

// throughput draws MB/s over time; nil if there is nothing to draw.
func throughput(title string, points []load.Point, flows []flowLine) *chart {
	if len(points) == 0 {
		return nil
	}
	c := newChart(title, "MB/s", wide, wideHeight)
	x := c.overTime(points)
	top := 0.0
	for _, f := range flows {
		top = max(top, most(points, f.of))
	}
	var y axis
	y, c.YTicks = valueAxis(top, c.Bottom, c.Top)
	texts := make([]string, len(points))
	for _, f := range flows {
		if most(points, f.of) == 0 {
			continue
		}
		// The first interval has a width too: it may be the only one.
		begin := x.at(beginning(points))
		l := line{Name: f.name, Class: f.class, Points: fmt.Sprintf("%.1f,%.1f %s", begin, y.at(f.of(points[0])), polyline(points, x, y, f.of))}
		l.Area = fmt.Sprintf("%.1f,%.1f %s %.1f,%.1f", begin, c.Bottom, l.Points, x.at(points[len(points)-1].At), c.Bottom)
		c.Lines = append(c.Lines, l)
		for i, p := range points {
			texts[i] += fmt.Sprintf("\n%s %s MB/s", f.name, load.Number(f.of(p)))
		}
	}
	c.columns(points, x, texts)
	return c
}

// overTime is the latency of each interval, to be drawn.
type overTime struct {
	title    string
	points   []load.Point // all
	measured []load.Point // those with a latency
	of       func(load.Point) load.Tick
}

// latencyOverTime gives the quantiles of each interval; nil if there is nothing to draw.
func latencyOverTime(title string, points []load.Point, of func(load.Point) load.Tick) *overTime {
	var measured []load.Point
	for _, p := range points {
		if of(p).Max > 0 {
			measured = append(measured, p)
		}
	}
	if len(measured) < 2 {
		return nil
	}
	return &overTime{title, points, measured, of}
}

func (l *overTime) draw(width, height float64) *chart {
	c := newChart(l.title, "ms", width, height)
	x := c.overTime(l.points)
	least, top := math.Inf(1), 0.0
	for _, p := range l.measured {
		least, top = min(least, l.of(p).P50), max(top, l.of(p).Max)
	}
	var y axis
	y, c.YTicks = latencyAxis(least, top, c.Bottom, c.Top)
	texts := make([]string, len(l.measured))
	for _, q := range []struct {
		name, class string
		value       func(load.Point) float64
	}{
		{"max", "max", func(p load.Point) float64 { return l.of(p).Max }},
		{"p99", "p99", func(p load.Point) float64 { return l.of(p).P99 }},
		{"p50", "p50", func(p load.Point) float64 { return l.of(p).P50 }},
	} {
		c.Lines = append(c.Lines, line{Name: q.name, Class: q.class, Points: polyline(l.measured, x, y, q.value)})
		for i, p := range l.measured {
			texts[i] += fmt.Sprintf("\n%s %s ms", q.name, load.Number(q.value(p)))
		}
	}
	c.columns(l.measured, x, texts)
	return c
}

// percentiles draws whole distributions by the number of nines; nil if there are none.
func percentiles(latencies []load.NamedLatency) *chart {
	least, top, count := math.Inf(1), 0.0, int64(0)
	for _, l := range latencies {
		least, top, count = min(least, l.Curve[0].Ms), max(top, l.Max), max(count, l.Count)
	}
	if count < 2 {
		return nil
	}
	c := newChart("Latency by percentile", "ms", wide, wideHeight)
	x := axis{0, math.Log10(float64(count)), c.Left, c.Right, false}
	for nines, label := range map[float64]string{0: "0 %", math.Log10(2): "50 %", 1: "90 %", 2: "99 %", 3: "99.9 %", 4: "99.99 %", 5: "99.999 %", 6: "99.9999 %"} {
		if x.at(nines) <= c.Right {
			c.XTicks = append(c.XTicks, tick{x.at(nines), label})
		}
	}
	var y axis
	y, c.YTicks = latencyAxis(least, top, c.Bottom, c.Top)
	for i, l := range latencies {
		place := func(q load.Quantile) float64 {
			return x.at(min(-math.Log10(max(1-q.Q, 1e-12)), math.Log10(float64(l.Count))))
		}
		var points []string
		for _, q := range l.Curve {
			points = append(points, fmt.Sprintf("%.1f,%.1f", place(q), y.at(q.Ms)))
			if i == 0 {
				c.Columns = append(c.Columns, column{X: place(q), Text: quantileText(q.Q, latencies)})
			}
		}
		c.Lines = append(c.Lines, line{Name: l.Name, Class: []string{"in", "out"}[i], Points: strings.Join(points, " ")})
	}
	c.spread()
	return c
}

// quantileText says what the latencies are at a share of all.
func quantileText(share float64, latencies []load.NamedLatency) string {
	text := fmt.Sprintf("%.5g %%", 100*share)
	for _, l := range latencies {
		at := l.Curve[len(l.Curve)-1]
		for _, q := range l.Curve {
			if q.Q >= share {
				at = q
				break
			}
		}
		text += fmt.Sprintf("\n%s %s ms", l.Name, load.Number(at.Ms))
	}
	return text
}

// beginning is where the first interval begins, in seconds.
func beginning(points []load.Point) float64 { return points[0].At - points[0].Seconds }

// overTime lays out the x axis, and shades the warm-up. A point stands at the end of its interval.
func (c *chart) overTime(points []load.Point) axis {
	first, last := beginning(points), points[len(points)-1].At
	var x axis
	x, c.XTicks = timeAxis(first, last, c.Left, c.Right)
	if first < 0 && last > 0 {
		c.Shade = &shade{c.Left, x.at(0) - c.Left}
	}
	return x
}

// columns lets each point say its values.
func (c *chart) columns(points []load.Point, x axis, texts []string) {
	for i, p := range points {
		c.Columns = append(c.Columns, column{X: x.at(p.At), Text: pointText(p) + texts[i]})
	}
	c.spread()
}

// pointText says when a point was: to the second, where it is as long as one.
func pointText(p load.Point) string {
	if p.Seconds > 0.9 {
		return clock(math.Round(p.At))
	}
	return clock(math.Round(p.At*100) / 100)
}

// spread gives each column, which is at its point, the space up to half the way to its neighbours.
func (c *chart) spread() {
	edges := []float64{c.Left}
	for i := 1; i < len(c.Columns); i++ {
		edges = append(edges, (c.Columns[i-1].X+c.Columns[i].X)/2)
	}
	edges = append(edges, c.Right)
	for i := range c.Columns {
		c.Columns[i].X, c.Columns[i].Width = edges[i], max(0, edges[i+1]-edges[i])
	}
}

func polyline(points []load.Point, x, y axis, of func(load.Point) float64) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = fmt.Sprintf("%.1f,%.1f", x.at(p.At), y.at(of(p)))
	}
	return strings.Join(parts, " ")
}

func most(points []load.Point, of func(load.Point) float64) (m float64) {
	for _, p := range points {
		m = max(m, of(p))
	}
	return m
}
