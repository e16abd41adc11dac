package sim

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// regressionSeeds is how many seeds from its own on a case is run with: a change of the simulation gives a seed another
// fate, and the case is to go on testing what it was kept for.
const regressionSeeds = 40

// cases reads what is kept.
func cases(t *testing.T) map[string]Case {
	t.Helper()
	const folder = "testdata/regressions"
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Case{}
	for _, f := range files {
		c, err := ReadCase(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = c
	}
	return all
}

// TestRegressions: what broke a promise once keeps it now. Cases of planted bugs run without their bug.
func TestRegressions(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			o := c.Options
			o.Deaf = false
			for range regressionSeeds {
				if r := Run(o); r.Failed() {
					t.Errorf("once found %s: %s; now: %v", c.Found, c.Said, r)
				}
				o.Seed++
			}
		})
	}
}

func TestCaseIsReadAsItWasWritten(t *testing.T) {
	o := Standard(8)
	o.Off, o.Steps, o.Deaf, o.Chaos = []string{partMembers, "Slow"}, []int{}, true, 90*time.Second
	c := Case{Found: CheckLostWrite, Said: "a: b", Plant: "it", Options: o}
	path, err := c.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadCase(path)
	if err != nil || back.String() != c.String() || back.Options.Steps == nil || back.Options.Pace != o.Pace {
		t.Errorf("wrote\n%v\nread %v\n%v", c.String(), err, back.String())
	}
}

func TestCaseThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"agents", "agents: two", "ghosts: 3", "off: Slow Ghost", "steps: 1 x", "chaos: 5"} {
		if c, err := parseCase(text); err == nil {
			t.Errorf("%q was taken for %v", text, c.String())
		}
	}
}

// A run that fails is shrunk to what the failure needs: here a world in which more than one agent, one kind of fault and the
// fifth step of the torment are at fault.
func TestShrink(t *testing.T) {
	has := func(list []int, i int) bool { return list == nil || slices.Contains(list, i) }
	run := func(o Options) *Result {
		r := &Result{Seed: o.Seed, Steps: 9}
		if o.Agents > 1 && !slices.Contains(o.Off, "Conflict") && has(o.Steps, 5) && o.Chaos > 20*time.Second {
			r.Violations = []Violation{{Check: CheckLostWrite, Text: "gone", At: 50 * time.Second}}
		}
		return r
	}
	c, ok := Shrink(Standard(3), run, func(string) {})
	o := c.Options
	if !ok || c.Found != CheckLostWrite || o.Agents != 2 || o.Producers != 1 || o.Partitions != 1 || o.Whole || len(o.Steps) != 1 || o.Steps[0] != 5 ||
		len(o.Off) != len(Parts())-1 || o.Chaos < 20*time.Second || o.Chaos > 40*time.Second {
		t.Errorf("shrunk, %t, to\n%v", ok, c.String())
	}
	if _, ok := Shrink(Options{}, func(o Options) *Result { return &Result{} }, func(string) {}); ok {
		t.Error("a run that does not fail was shrunk")
	}
}
