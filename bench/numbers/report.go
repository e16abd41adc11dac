package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace-io/millrace/bench/host"
)

// row is one figure.
type row struct {
	Section string  `json:"section"`
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Most    float64 `json:"most,omitempty"`  // the goal is at most this
	Least   float64 `json:"least,omitempty"` // the goal is at least this
	Missed  bool    `json:"missed"`          // there is a goal, and the figure is worse
	Note    string  `json:"note,omitempty"`
}

type report struct {
	Date    string   `json:"date"`
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Rows    []row    `json:"rows"`
	Remarks []string `json:"remarks,omitempty"`
}

func newReport() report {
	return report{Date: time.Now().Format(time.DateOnly), Machine: host.Machine(), Go: runtime.Version()}
}

func (r *report) add(x row) {
	x.Missed = x.Most > 0 && x.Value > x.Most || x.Least > 0 && x.Value < x.Least
	r.Rows = append(r.Rows, x)
}

// remark is said below the table, once.
func (r *report) remark(text string) { r.Remarks = append(r.Remarks, text) }

func (r *report) print(out io.Writer, asJSON bool) error {
	if asJSON {
		w := json.NewEncoder(out)
		w.SetIndent("", "  ")
		return w.Encode(r)
	}
	fmt.Fprintf(out, "%s, %s, %s\n", r.Date, r.Machine, r.Go)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	section := ""
	for _, x := range r.Rows {
		if x.Section != section {
			section = x.Section
			fmt.Fprintf(w, "\n%s\tmeasured\tgoal\t\t\n", strings.ToUpper(section))
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\n", x.What, number(x.Value), x.Unit, x.goal(), x.verdict(), x.Note)
	}
	for _, remark := range r.Remarks {
		fmt.Fprintf(w, "\n%s\n", remark)
	}
	return w.Flush()
}

func (x row) goal() string {
	switch {
	case x.Most > 0:
		return "≤ " + number(x.Most)
	case x.Least > 0:
		return "≥ " + number(x.Least)
	}
	return ""
}

func (x row) verdict() string {
	switch {
	case x.Most == 0 && x.Least == 0:
		return ""
	case x.Missed:
		return "MISSED"
	}
	return "met"
}

// number writes three digits or more, in thousands.
func number(v float64) string {
	decimals := 0
	switch {
	case v == float64(int64(v)) || v >= 100:
	case v >= 10:
		decimals = 1
	default:
		decimals = 2
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}
