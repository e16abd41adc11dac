package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

// options are the command's flags.
type options struct {
	json     bool
	quick    bool
	dir      string
	binary   string
	html     string
	profiles string
	each     time.Duration
}

// bench is one run of the command.
type bench struct {
	options
	rig    *rig.Rig
	curves []report.Curve
}

// measurements are what can be asked for.
var measurements = []rig.Measurement[*bench]{
	{Name: "state", Run: (*bench).state},
	{Name: "connections", Run: (*bench).connections},
	{Name: "groups", Run: (*bench).groups},
	{Name: "records", Run: (*bench).records},
	{Name: "producers", Run: (*bench).producers},
	{Name: "fanout", Run: (*bench).fanout},
	{Name: "java", Run: (*bench).java},
}

func main() {
	var o options
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.BoolVar(&o.quick, "quick", false, "the first points of each curve only, for a second each: is it alive?")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where buckets are made, and removed")
	flag.StringVar(&o.binary, "binary", "", "measure this millrace instead of building one")
	flag.StringVar(&o.html, "html", "", "write a page with plots into this file")
	flag.StringVar(&o.profiles, "profiles", "", "write a CPU profile of the agent at each point into this folder")
	flag.DurationVar(&o.each, "each", 10*time.Second, "how long the load of a point lasts")
	flag.Parse()
	if err := run(o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(o options, names []string, out io.Writer) (err error) {
	chosen, err := rig.Choose(measurements, names)
	if err != nil {
		return err
	}
	if o.quick {
		o.each = time.Second
	}
	b := &bench{options: o}
	if b.rig, err = rig.New(o.dir, "scale", o.binary); err != nil {
		return err
	}
	defer b.rig.Close()
	where := rig.Where()
	for _, m := range chosen {
		if e := m.Run(b); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.Name, e))
		}
		b.rig.Cleanup()
	}
	return errors.Join(err, b.print(out, where), b.page(where))
}

// progress says what goes on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+" …\n", args...)
}

// points are those of a curve: all, or the first two of a quick run.
func (b *bench) points(all ...int) []int {
	if b.quick {
		return all[:2]
	}
	return all
}

// along measures a curve point by point. What fails ends it, and leaves what was measured.
func (b *bench) along(c report.Curve, points []int, measure func(x int) ([]report.Figure, error)) error {
	var err error
	for _, x := range points {
		b.progress("%s: %s %s", c.Name, load.Number(float64(x)), c.X)
		var values []report.Figure
		values, err = measure(x)
		b.rig.Cleanup()
		if err != nil {
			err = fmt.Errorf("at %d %s: %w", x, c.X, err)
			break
		}
		c.Points = append(c.Points, report.Sample{X: float64(x), Values: values})
	}
	if len(c.Points) > 0 {
		b.curves = append(b.curves, c)
	}
	return err
}

func (b *bench) print(out io.Writer, where string) error {
	if b.json {
		w := json.NewEncoder(out)
		w.SetIndent("", "  ")
		return w.Encode(struct {
			Where  string         `json:"where"`
			Curves []report.Curve `json:"curves"`
		}{where, b.curves})
	}
	fmt.Fprintln(out, where)
	for i := range b.curves {
		if err := printCurve(out, &b.curves[i]); err != nil {
			return err
		}
	}
	return nil
}

// printCurve writes a row for each column, as there are more columns than points.
func printCurve(out io.Writer, c *report.Curve) error {
	fmt.Fprintf(out, "\n%s\n", c.Title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var head strings.Builder
	for _, p := range c.Points {
		head.WriteString(load.Number(p.X) + "\t")
	}
	fmt.Fprintf(w, "%s\t\t%slast ÷ first\t\n", c.X, head.String())
	for i, column := range c.Columns {
		fmt.Fprintf(w, "%s\t%s\t", column.Name, column.Unit)
		for _, p := range c.Points {
			fmt.Fprintf(w, "%s\t", figure(p.Values[i]))
		}
		growth := figure(c.Growth(i))
		if column.Flat > 0 && c.Growth(i).There() {
			verdict := "flat"
			if c.Missed(i) {
				verdict = "NOT FLAT"
			}
			growth += fmt.Sprintf(" (at most %s: %s)", load.Number(column.Flat), verdict)
		}
		fmt.Fprintf(w, "%s\t\n", growth)
	}
	err := w.Flush()
	for _, note := range c.Notes {
		fmt.Fprintln(out, note)
	}
	return err
}

func figure(f report.Figure) string {
	if !f.There() {
		return "–"
	}
	return load.Number(float64(f))
}

// page writes the plots, if asked for.
func (b *bench) page(where string) error {
	if b.html == "" {
		return nil
	}
	f, err := os.Create(b.html)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteCurves(f, "Millrace: scale", where, b.curves), f.Close())
}
