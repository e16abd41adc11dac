package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/millrace-io/millrace/internal/load"
)

// save writes the report into a file, if there is one.
func (r *report) save(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// print writes the report as a person reads it.
func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "%s, %s\n%s\n%s\n%s\n%s\n", r.Date, r.Machine, r.Where, r.Versions, r.Command, r.How)
	fmt.Fprintf(out, "ratios to %s: median of the rounds (lowest to highest)\n", r.Systems[0])
	r.printFigures(out)
	for _, note := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", note)
	}
	if !r.judged {
		_, err := fmt.Fprintln(out, "\nThe short form shows that the comparison works. Its figures say nothing.")
		return err
	}
	return r.printGoals(out)
}

func (r *report) printFigures(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	partitions, name := 0, ""
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Partitions != partitions {
			partitions, name = f.Partitions, ""
			fmt.Fprintf(w, "\n%d PARTITIONS\t\t%s\n", partitions, r.heads())
		}
		if f.Load != name {
			name = f.Load
			fmt.Fprintf(w, "%s\t%s\t%s\n", name, f.What, r.cells(f))
		} else {
			fmt.Fprintf(w, "\t%s\t%s\n", f.What, r.cells(f))
		}
	}
	_ = w.Flush() // as far as it goes: a broken output shows when the goals are written
	fmt.Fprintln(out)
}

func (r *report) heads() string {
	cells := []string{r.Systems[0]}
	for _, s := range r.Systems[1:] {
		cells = append(cells, s, "ratio")
	}
	return strings.Join(cells, "\t") + "\t"
}

func (r *report) cells(f *figure) string {
	var cells []string
	for i, s := range r.Systems {
		value, ratio := "–", "–"
		if len(f.Values[s]) > 0 {
			value = load.Number(spreadOf(f.Values[s]).Median)
		}
		if of, ok := f.Ratios[s]; ok {
			ratio = of.String()
		}
		if cells = append(cells, value); i > 0 {
			cells = append(cells, ratio)
		}
	}
	return strings.Join(cells, "\t") + "\t"
}

func (s spread) String() string {
	decimals := 2
	switch {
	case s.Median < 0.1:
		decimals = 3
	case s.Median >= 10:
		decimals = 1
	}
	return fmt.Sprintf("%.[1]*[2]f (%.[1]*[3]f to %.[1]*[4]f)", decimals, s.Median, s.Low, s.High)
}

func (r *report) printGoals(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nGOALS, %s to %s\tgoal\tratio\t\twithout fsync\t\n", goalOf, goalBy)
	for i := range r.Goals {
		g := &r.Goals[i]
		unsynced := ""
		if g.Unsynced != nil {
			unsynced = g.Unsynced.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", g.name(), g.bound(), g.ratio(), g.verdict(), unsynced, g.limited())
	}
	return w.Flush()
}

func (g *goal) ratio() string {
	if !g.Measured || g.Void {
		return "–"
	}
	return g.Ratio.String()
}

// limited says what limited a throughput, and what the CPU says in its place.
func (g *goal) limited() string {
	if g.ByCPU == nil {
		return g.Limit
	}
	return fmt.Sprintf("by CPU %s: %s", g.ByCPU, g.Limit)
}

func (g *goal) name() string { return g.What + ", " + numberOf(g.Partitions) }

func (g *goal) bound() string {
	if g.Most > 0 {
		return fmt.Sprintf("≤ %g", g.Most)
	}
	return fmt.Sprintf("≥ %g", g.Least)
}

// missed is the verdict that has to be seen.
const missed = "MISSED"

func (g *goal) verdict() string {
	switch {
	case !g.Measured:
		return "not measured"
	case g.Void:
		return "no verdict"
	case g.Met:
		return "met"
	case g.ByCPU != nil && g.ByCPU.Median >= g.Least:
		return "met by CPU"
	}
	return missed
}
