package main

import (
	"strings"
	"testing"
)

func TestReportSaysWhatIsMissed(t *testing.T) {
	var r report
	r.add(row{Section: "idle", What: "requests", Value: 12.7, Unit: "a minute", Most: 10})
	r.add(row{Section: "apply", What: "appends", Value: 1_300_316, Unit: "a second", Least: 200_000})
	r.add(row{Section: "memory", What: "p99", Value: 0.5, Unit: "ms"})
	var out strings.Builder
	if err := r.print(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12.7 a minute", "≤ 10", "MISSED", "1,300,316 a second", "≥ 200,000", "met", "0.50 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if !r.Rows[0].Missed || r.Rows[1].Missed || r.Rows[2].Missed {
		t.Errorf("missed: %+v", r.Rows)
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  int
	}{{nil, len(measurements)}, {[]string{"all"}, len(measurements)}, {[]string{"apply", "idle"}, 2}} {
		if got, err := choose(c.names); err != nil || len(got) != c.want {
			t.Errorf("%q: %d measurements, %v; want %d", c.names, len(got), err, c.want)
		}
	}
	if _, err := choose([]string{"aply"}); err == nil {
		t.Error("a misspelt name is passed over")
	}
}

// What apply writes is decided and applied by the agent's own code; the large state has the size its goal names.
func TestEntriesReplay(t *testing.T) {
	s, topic, err := applyWorld(10)
	if err != nil {
		t.Fatal(err)
	}
	a := applied{entries: 3, segments: 2, batches: 5}
	payloads, _, err := a.write(s, topic)
	if err != nil || len(payloads) != 3 {
		t.Fatalf("%d entries, %v", len(payloads), err)
	}
	if _, err := replay(s, payloads); err != nil {
		t.Fatal(err)
	}
	if largeExtentsTotal != 1_000_000 {
		t.Errorf("the large state has %d extents", largeExtentsTotal)
	}
}
