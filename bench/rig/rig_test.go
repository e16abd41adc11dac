package rig

import (
	"flag"
	"strings"
	"testing"
)

func TestReportSaysWhatIsMissed(t *testing.T) {
	var r Report
	r.Add(Row{Section: "idle", What: "requests", Value: 12.7, Unit: "a minute", Most: 10})
	r.Add(Row{Section: "apply", What: "appends", Value: 1_300_316, Unit: "a second", Least: 200_000})
	r.Add(Row{Section: "memory", What: "p99", Value: 0.5, Unit: "ms"})
	var out strings.Builder
	if err := r.Print(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12.7 a minute", "≤ 10", "MISSED", "1,300,316 a second", "≥ 200,000", "met", "0.500 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if !r.Rows[0].Missed || r.Rows[1].Missed || r.Rows[2].Missed {
		t.Errorf("missed: %+v", r.Rows)
	}
}

// --help of a command says what can be measured.
func TestUsageNamesTheMeasurements(t *testing.T) {
	before, out := flag.Usage, &strings.Builder{}
	flag.CommandLine.SetOutput(out)
	t.Cleanup(func() {
		flag.Usage = before
		flag.CommandLine.SetOutput(nil)
	})
	Usage("things", []Measurement[int]{{Name: "weight", What: "how heavy they are"}})
	flag.Usage()
	for _, want := range []string{"go run ./bench/things", "weight       how heavy they are", "all "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, out.String())
		}
	}
}
