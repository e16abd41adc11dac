package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/millrace-io/millrace/internal/load"
)

// Curve is what was measured along one quantity.
type Curve struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	X       string   `json:"x"` // what the quantity is
	Columns []Column `json:"columns"`
	Points  []Sample `json:"points"` // by ascending X
	Notes   []string `json:"notes,omitempty"`
}

// Column is one thing that was measured at each point.
type Column struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Flat: the figure at the last point may be at most this many times the one at the first, of those with a figure; 0: no goal.
	Flat float64 `json:"flat,omitempty"`
}

// Sample is a point of a curve: a value for each column, NaN where there is none.
type Sample struct {
	X      float64  `json:"x"`
	Values []Figure `json:"values"`
}

// Figure is a number that JSON shows as null where there is none.
type Figure float64

// None is where there is no figure.
var None = Figure(math.NaN())

// There reports whether there is one.
func (f Figure) There() bool { return !math.IsNaN(float64(f)) }

// MarshalJSON writes null for none.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.There() {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%g", float64(f)), nil
}

// Growth is how many times the first figure of a column the last is; none with less than two.
func (c *Curve) Growth(column int) Figure {
	var there []float64
	for _, p := range c.Points {
		if v := p.Values[column]; v.There() {
			there = append(there, float64(v))
		}
	}
	if len(there) < 2 || there[0] == 0 {
		return None
	}
	return Figure(there[len(there)-1] / there[0])
}

// Missed reports whether a column was to be flat and is not.
func (c *Curve) Missed(column int) bool {
	flat, growth := c.Columns[column].Flat, c.Growth(column)
	return flat > 0 && growth.There() && float64(growth) > flat
}

var (
	//go:embed curves.html
	curvesSource string

	curvesPage = template.Must(template.Must(page.Clone()).New("curves").Funcs(template.FuncMap{
		"figure": func(f Figure) string {
			if !f.There() {
				return "–"
			}
			return load.Number(float64(f))
		},
	}).Parse(curvesSource))
)

// curveView is a curve as the page shows it.
type curveView struct {
	*Curve
	Charts []*chart
}

// WriteCurves writes a page of curves: a plot for each unit, on logarithmic axes, and a table for each curve.
func WriteCurves(w io.Writer, title, where string, curves []Curve) error {
	view := struct {
		Style        template.CSS
		Title, Where string
		Curves       []curveView
		Data         []Curve
	}{Style: template.CSS(pageStyle), Title: title, Where: where, Data: curves}
	for i := range curves {
		view.Curves = append(view.Curves, curveView{&curves[i], curves[i].charts()})
	}
	var out bytes.Buffer
	if err := curvesPage.Execute(&out, view); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// charts are one for each unit.
func (c *Curve) charts() (all []*chart) {
	if len(c.Points) < 2 {
		return nil
	}
	var units []string
	for _, column := range c.Columns {
		if !slices.Contains(units, column.Unit) {
			units = append(units, column.Unit)
		}
	}
	for _, unit := range units {
		if plot := c.chart(unit); plot != nil {
			all = append(all, plot)
		}
	}
	return all
}

// curveClasses are the looks of a chart's lines; those after the last look like it.
var curveClasses = []string{"in", "out", "old", "max"}

func (c *Curve) chart(unit string) *chart {
	plot := newChart(c.X, unit, half, lowerOne)
	x := axis{c.Points[0].X, c.Points[len(c.Points)-1].X, plot.Left, plot.Right, c.Points[0].X > 0}
	least, top := math.Inf(1), 0.0
	c.each(unit, func(_ int, _ Sample, v float64) { least, top = min(least, v), max(top, v) })
	if math.IsInf(least, 1) {
		return nil
	}
	var y axis
	y, plot.YTicks = latencyAxis(least, top, plot.Bottom, plot.Top)
	points, texts := map[int][]string{}, make([]string, len(c.Points))
	c.each(unit, func(column int, p Sample, v float64) {
		points[column] = append(points[column], fmt.Sprintf("%.1f,%.1f", x.at(p.X), y.at(v)))
		i := slices.IndexFunc(c.Points, func(q Sample) bool { return q.X == p.X })
		texts[i] += fmt.Sprintf("\n%s %s %s", c.Columns[column].Name, load.Number(v), unit)
	})
	for column := range c.Columns {
		if list := points[column]; len(list) > 0 {
			class := curveClasses[min(len(plot.Lines), len(curveClasses)-1)]
			plot.Lines = append(plot.Lines, line{Name: c.Columns[column].Name, Class: class, Points: strings.Join(list, " ")})
		}
	}
	for i, p := range c.Points {
		plot.XTicks = append(plot.XTicks, tick{x.at(p.X), plain(p.X)})
		plot.Columns = append(plot.Columns, column{X: x.at(p.X), Text: plain(p.X) + " " + c.X + texts[i]})
	}
	plot.spread()
	return plot
}

// each visits the figures of all columns of a unit.
func (c *Curve) each(unit string, visit func(column int, p Sample, v float64)) {
	for column := range c.Columns {
		for _, p := range c.Points {
			if v := p.Values[column]; c.Columns[column].Unit == unit && v.There() {
				visit(column, p, float64(v))
			}
		}
	}
}
