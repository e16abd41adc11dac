//go:build plant

package sim

import (
	"runtime"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base/plant"
)

// TestPlantedBugsAreFound: each is found within the standard seeds by a check of the auditor that is made for it, with the
// product's own assertions left out of account.
func TestPlantedBugsAreFound(t *testing.T) {
	var all []Finding
	for _, p := range Plants() {
		t.Run(p.Name, func(t *testing.T) {
			// Most are found by the first seed: more at once would run in vain.
			f, err := p.Find(min(2, runtime.GOMAXPROCS(0)))
			all = append(all, f)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s at seed %d after %v: %s", f.Check, f.Seed, f.At, f.Text)
			withoutItsRule(t, p, f.Seed)
		})
	}
	var table strings.Builder
	if err := PlantTable(&table, all); err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", &table)
}

// withoutItsRule: where a rule is left out under a bucket that is broken besides, it is not the bucket that is found.
func withoutItsRule(t *testing.T, p Plant, seed uint64) {
	if p.Rule == plant.Nothing || p.Seams.Store == nil {
		return
	}
	o := Standard(seed)
	o.Seams = p.Seams
	if r := Run(o); r.Failed() {
		t.Errorf("the broken bucket alone breaks a promise, so the rule is not what was found: %v", r)
	}
}

// TestEachRuleIsPlantedOnce: what can be left out is left out by exactly one planted bug.
func TestEachRuleIsPlantedOnce(t *testing.T) {
	times, names := map[plant.Rule]int{}, map[string]int{}
	for _, p := range Plants() {
		times[p.Rule]++
		names[p.Name]++
		if names[p.Name] > 1 {
			t.Errorf("two planted bugs are called %q", p.Name)
		}
	}
	for _, r := range plant.Rules() {
		if times[r] != 1 {
			t.Errorf("rule %d is left out by %d planted bugs", r, times[r])
		}
	}
}

// TestPlantedRegressions: the cases of planted bugs find them, within as many seeds as every case is run with.
func TestPlantedRegressions(t *testing.T) {
	planted := 0
	for name, c := range cases(t) {
		if c.Plant == "" {
			continue
		}
		planted++
		t.Run(name, func(t *testing.T) {
			p, err := PlantNamed(c.Plant)
			if err != nil {
				t.Fatal(err)
			}
			o := c.Options
			for range regressionSeeds {
				r := p.Run(o)
				if found, _ := r.Broken(); found == c.Found {
					return
				}
				o.Seed++
			}
			t.Errorf("it is not found by %s any more within %d seeds. If the simulation has changed, shrink it anew: "+
				"go run -tags plant ./cmd/millrace-sim -plant %q -shrink -seed N", c.Found, regressionSeeds, c.Plant)
		})
	}
	if planted < 2 {
		t.Errorf("%d cases of planted bugs are kept", planted)
	}
}
