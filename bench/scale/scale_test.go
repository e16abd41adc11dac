package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load/report"
)

// The first points of the curves that the command drives by itself: it measures, and what it prints holds together. No figure is
// held to anything.
func TestQuickCurves(t *testing.T) {
	if testing.Short() {
		t.Skip("starts agents")
	}
	page, tables := filepath.Join(t.TempDir(), "scale.html"), filepath.Join(t.TempDir(), "scale.md")
	var out strings.Builder
	o := options{quick: true, json: true, dir: t.TempDir(), binary: os.Getenv("MILLRACE_BIN"), html: page, markdown: tables}
	names := []string{"state", "connections", "groups", "producers"}
	if err := run(o, names, &out); err != nil {
		t.Fatal(err)
	}
	var printed struct {
		Curves []struct {
			Name    string
			Columns []report.Column
			Points  []struct{ Values []*float64 } // null: there is no figure
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &printed); err != nil {
		t.Fatal(err)
	}
	for i, c := range printed.Curves {
		if c.Name != names[i] || len(c.Points) != 2 {
			t.Errorf("curve %d is %s with %d points", i, c.Name, len(c.Points))
		}
		for _, p := range c.Points {
			if len(p.Values) != len(c.Columns) {
				t.Errorf("%s: %d figures for %d columns", c.Name, len(p.Values), len(c.Columns))
			}
		}
	}
	if html, err := os.ReadFile(page); err != nil || strings.Count(string(html), "<section>") != len(names) {
		t.Errorf("the page: %v, %d bytes", err, len(html))
	}
	if text, err := os.ReadFile(tables); err != nil || strings.Count(string(text), " | last ÷ first |\n") != len(names) {
		t.Errorf("the tables: %v\n%s", err, text)
	}
}

func TestTheTableSaysWhatIsNotFlat(t *testing.T) {
	c := report.Curve{Title: "Things", X: "things", Columns: []report.Column{{Name: "time", Unit: "ms"}, {Name: "a thing", Unit: "µs", Flat: 2}, {Name: "memory", Unit: "B", Flat: 2}},
		Points: []report.Sample{{X: 10, Values: figures(1, 100, 5)}, {X: 1000, Values: append(figures(300, 300), report.None)}}, Notes: []string{"Noted."}}
	var out strings.Builder
	if err := printCurve(&out, &c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1,000", "3 (at most 2: NOT FLAT)", "Noted."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

// As the page has it: a row for each column, what is to be flat, and notes.
func TestMarkdown(t *testing.T) {
	c := report.Curve{Name: "things", Title: "Things", X: "things", Columns: []report.Column{{Name: "time", Unit: "ms"}, {Name: "a thing", Unit: "µs", Flat: 2}},
		Points: []report.Sample{{X: 10, Values: figures(1, 100)}, {X: 1000, Values: append(figures(300), report.None)}}, Notes: []string{"Noted."}}
	out := markdown("Here.", []report.Curve{c})
	want := `Here.

**Things.**

| things | 10 | 1,000 | last ÷ first |
|---|---:|---:|---:|
| time, ms | 1 | 300 | 300 |
| a thing, µs | 100 | – | – |

Noted.
`
	if out != want {
		t.Errorf("%s", out)
	}
}

func TestChoose(t *testing.T) {
	if got, err := rig.Choose(measurements, nil); err != nil || len(got) != len(measurements) {
		t.Errorf("%d measurements, %v", len(got), err)
	}
	if _, err := rig.Choose(measurements, []string{"jaba"}); err == nil {
		t.Error("a misspelt name is passed over")
	}
}

// What Kafka's tool prints is read.
func TestJavaProgress(t *testing.T) {
	lines := make(chan javaLine, 4)
	readJava(strings.NewReader("264011 records sent, 52802.2 records/sec (51.56 MB/sec), 570.4 ms avg latency, 1203.0 ms max latency.\nWARN\n"), lines)
	if l, ok := <-lines; !ok || l != (javaLine{264011, 570.4}) {
		t.Errorf("%+v", l)
	}
	if _, ok := <-lines; ok {
		t.Error("a line that is no progress was taken for some")
	}
}
