package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

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
		fmt.Fprintf(w, "%s\t\n", growth(c, i))
	}
	err := w.Flush()
	for _, note := range c.Notes {
		fmt.Fprintln(out, note)
	}
	return err
}

// growth says how a column goes on, and whether it is flat where it is to be.
func growth(c *report.Curve, column int) string {
	text, flat := figure(c.Growth(column)), c.Columns[column].Flat
	if flat == 0 || !c.Growth(column).There() {
		return text
	}
	verdict := "flat"
	if c.Missed(column) {
		verdict = "NOT FLAT"
	}
	return fmt.Sprintf("%s (at most %s: %s)", text, load.Number(flat), verdict)
}

// markdown writes the same tables in Markdown.
func markdown(where string, curves []report.Curve) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", where)
	for i := range curves {
		markdownCurve(&b, &curves[i])
	}
	return b.String()
}

func markdownCurve(b *strings.Builder, c *report.Curve) {
	row := func(cells ...string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	head := []string{c.X}
	for _, p := range c.Points {
		head = append(head, load.Number(p.X))
	}
	fmt.Fprintf(b, "\n**%s.**\n\n", c.Title)
	row(append(head, "last ÷ first")...)
	fmt.Fprintf(b, "|---|%s\n", strings.Repeat("---:|", len(head)))
	for i, column := range c.Columns {
		cells := []string{column.Name + ", " + column.Unit}
		for _, p := range c.Points {
			cells = append(cells, figure(p.Values[i]))
		}
		row(append(cells, growth(c, i))...)
	}
	for _, note := range c.Notes {
		fmt.Fprintf(b, "\n%s\n", note)
	}
}

func figure(f report.Figure) string {
	if !f.There() {
		return "–"
	}
	return load.Number(float64(f))
}
