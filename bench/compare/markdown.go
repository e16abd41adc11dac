package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/millrace-io/millrace/internal/load"
)

// rows are the figures that tables for a page have, with what they are called there: %s stands for the load.
var rows = map[string]struct{ label, unit string }{
	startMs:     {"start to the first acknowledged record", "ms"},
	topicMs:     {"to make the topic", "ms"},
	mbPerSec:    {"%s", "MB/s"},
	cpuPerGiB:   {"%s, server CPU", "s/GiB"},
	agePerGiB:   {"%s: while the backlog lies, server CPU", "s/GiB"},
	firstRead:   {"%s: the first reading", "MB/s"},
	firstPerGiB: {"%s: the first reading, server CPU", "s/GiB"},
	ackP50:      {"%s, acknowledged p50", "ms"},
	ackP99:      {"%s, acknowledged p99", "ms"},
	endP50:      {"%s, end to end p50", "ms"},
	endP99:      {"%s, end to end p99", "ms"},
	peakMiB:     {"largest RSS", "MiB"},
}

// saveMarkdown writes the report as docs/PERFORMANCE.md shows it into a file, if there is one.
func (r *report) saveMarkdown(file string) error {
	if file == "" {
		return nil
	}
	return os.WriteFile(file, []byte(r.markdown()), 0o644)
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; %s; %s:\n`%s`\n(%s). Medians of the rounds; of ratios to %s also the lowest and the highest.\n", r.Date, r.Machine, r.Where, r.Versions,
		r.Command, r.How, titleOf(r.Systems[0]))
	for _, n := range r.numbers() {
		r.markdownTable(&b, n)
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(&b)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	r.markdownGoals(&b)
	return b.String()
}

// markdownTable has the systems as columns. The shares of cores are left out: they stand in the notes where they matter.
func (r *report) markdownTable(b *strings.Builder, partitions int) {
	heads := []string{numberOf(partitions)}
	for i, s := range r.Systems {
		switch {
		case i == 0:
			heads = append(heads, titleOf(s))
		case isVariant(s):
			heads = append(heads, titleOf(s)+", ratio")
		default:
			heads = append(heads, titleOf(s), "ratio")
		}
	}
	fmt.Fprintf(b, "\n| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for i := range r.Figures {
		f := &r.Figures[i]
		row, shown := rows[f.What]
		if f.Partitions != partitions || !shown || f.What == mbPerSec && r.pace(f) > 0 {
			continue
		}
		cells := append([]string{strings.ReplaceAll(row.label, "%s", r.title(f))}, r.markdownCells(f, row.unit)...)
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

func (r *report) title(f *figure) string {
	if f.Load == tail {
		return fmt.Sprintf("%s at %s, %d readers", tail, pacedAt(ratesAt(r.ratesMB, f.Partitions)[0]), r.readers)
	}
	return f.Load
}

func (r *report) markdownCells(f *figure, unit string) (cells []string) {
	for i, s := range r.Systems {
		value, ratio := "–", "–"
		if v := f.Values[s]; len(v) > 0 {
			value = load.Number(spreadOf(v).Median) + " " + unit
		}
		if of, ok := f.Ratios[s]; ok {
			ratio = of.String()
		}
		if i == 0 || !isVariant(s) {
			cells = append(cells, value)
		}
		if i > 0 {
			cells = append(cells, ratio)
		}
	}
	return cells
}

func (r *report) markdownGoals(b *strings.Builder) {
	if len(r.Goals) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| goal | ratio | without fsync | |\n|---|---|---|---|\n")
	for i := range r.Goals {
		g := &r.Goals[i]
		unsynced := "–"
		if g.Unsynced != nil {
			unsynced = g.Unsynced.String()
		}
		verdict := g.verdict()
		if verdict == missed {
			verdict = "**missed**"
		}
		if text := g.limited(); text != "" {
			verdict += "; " + text
		}
		fmt.Fprintf(b, "| %s %s | %s | %s | %s |\n", g.name(), g.bound(), g.ratio(), unsynced, verdict)
	}
}

func titleOf(name string) string {
	for _, s := range allSystems {
		if s.name == name {
			return s.title
		}
	}
	return name
}

// numberOf says how many partitions there are.
func numberOf(partitions int) string {
	if partitions == 1 {
		return "1 partition"
	}
	return load.Number(float64(partitions)) + " partitions"
}

func isVariant(name string) bool {
	for _, s := range allSystems {
		if s.name == name {
			return s.variant
		}
	}
	return false
}
