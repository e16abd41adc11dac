package rig

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/internal/load"
)

// Row is one figure.
type Row struct {
	Section string  `json:"section"`
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Most    float64 `json:"most,omitempty"`  // the goal is at most this
	Least   float64 `json:"least,omitempty"` // the goal is at least this
	Missed  bool    `json:"missed"`          // there is a goal, and the figure is worse
	Note    string  `json:"note,omitempty"`
}

// Report is what a measuring command prints.
type Report struct {
	Date    string   `json:"date"`
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Commit  string   `json:"commit"`
	Rows    []Row    `json:"rows"`
	Remarks []string `json:"remarks,omitempty"`
}

// NewReport begins one.
func NewReport() Report {
	return Report{Date: time.Now().Format(time.DateOnly), Machine: host.Machine(), Go: runtime.Version(), Commit: host.Commit(".")}
}

// Where says when and on what something is measured, and what, in one line.
func Where() string {
	return fmt.Sprintf("%s, %s, %s, %s", time.Now().Format(time.DateOnly), host.Machine(), runtime.Version(), host.Commit("."))
}

// Add adds a figure, and judges it.
func (r *Report) Add(x Row) {
	x.Missed = x.Most > 0 && x.Value > x.Most || x.Least > 0 && x.Value < x.Least
	r.Rows = append(r.Rows, x)
}

// Remark is said below the table, once.
func (r *Report) Remark(text string) { r.Remarks = append(r.Remarks, text) }

// Print prints a table, or JSON.
func (r *Report) Print(out io.Writer, asJSON bool) error {
	if asJSON {
		w := json.NewEncoder(out)
		w.SetIndent("", "  ")
		return w.Encode(r)
	}
	fmt.Fprintf(out, "%s, %s, %s, %s\n", r.Date, r.Machine, r.Go, r.Commit)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	section := ""
	for _, x := range r.Rows {
		if x.Section != section {
			section = x.Section
			fmt.Fprintf(w, "\n%s\tmeasured\tgoal\t\t\n", strings.ToUpper(section))
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\n", x.What, load.Number(x.Value), x.Unit, x.goal(), x.verdict(), x.Note)
	}
	for _, remark := range r.Remarks {
		fmt.Fprintf(w, "\n%s\n", remark)
	}
	return w.Flush()
}

func (x Row) goal() string {
	switch {
	case x.Most > 0:
		return "≤ " + load.Number(x.Most)
	case x.Least > 0:
		return "≥ " + load.Number(x.Least)
	}
	return ""
}

func (x Row) verdict() string {
	switch {
	case x.Most == 0 && x.Least == 0:
		return ""
	case x.Missed:
		return "MISSED"
	}
	return "met"
}
