//go:build plant

package sim

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base/plant"
)

// Plant is a deliberate breakage: a rule of the protocol that is left out inside a room, or a broken bucket or journal put
// between rooms (Seams), or both. Finds are the checks that are made for it, or that it cannot but trip.
type Plant struct {
	Name  string
	Rule  plant.Rule
	Seams Seams
	Finds []string
}

// Plants lists the breakages, those of the bucket first.
func Plants() []Plant { return slices.Concat(seamPlants, rulePlants) }

// PlantNamed gives the plant of that name.
func PlantNamed(name string) (Plant, error) {
	for _, p := range Plants() {
		if p.Name == name {
			return p, nil
		}
	}
	return Plant{}, fmt.Errorf("no planted bug is called %q", name)
}

// in gives the options of a run with the plant in it. That the product finds something wrong by itself does not count: the
// auditor is to find it.
func (p Plant) in(o Options) Options {
	o.Seams, o.Deaf = p.Seams, true
	return o
}

// with runs f while the plant's rule is left out.
func (p Plant) with(f func()) {
	plant.Leave(p.Rule)
	defer plant.Leave(plant.Nothing)
	f()
}

// Run runs options with the plant in them.
func (p Plant) Run(o Options) (r *Result) {
	p.with(func() { r = Run(p.in(o)) })
	return r
}

// Finding is how a planted bug was found.
type Finding struct {
	Plant string
	Violation
	Seed   uint64
	Seeds  int // that were run for it
	Broken int // of these, those that the product ended by a panic
}

// PlantSeeds are as many standard seeds as a planted bug may take.
const PlantSeeds = 200

// Find runs the standard seeds, some at once, until the auditor sees the plant. It fails if none shows it, or if it is seen
// by a check that is not made for it.
func (p Plant) Find(atOnce int) (Finding, error) {
	found := Finding{Plant: p.Name}
	p.with(func() {
		Seeds(0, PlantSeeds-1, atOnce, func(seed uint64) *Result { return Run(p.in(Standard(seed))) }, func(r *Result) bool {
			found.Seeds++
			switch {
			case len(r.Violations) > 0:
				found.Violation, found.Seed = r.Violations[0], r.Seed
			case r.Err != nil:
				found.Broken++
			}
			return len(r.Violations) == 0
		})
	})
	switch {
	case found.Check == "":
		return found, fmt.Errorf("%q is not found within %d seeds; in %d of them the product panicked", p.Name, found.Seeds, found.Broken)
	case !slices.Contains(p.Finds, found.Check):
		return found, fmt.Errorf("%q is found by %s, which is not made for it, at seed %d: %s", p.Name, found.Check, found.Seed, found.Text)
	}
	return found, nil
}

// PlantTable writes findings as a table in Markdown.
func PlantTable(w io.Writer, all []Finding) error {
	if _, err := fmt.Fprintf(w, "| planted bug | found by | seeds it took | after (virtual time) |\n|---|---|---:|---:|\n"); err != nil {
		return err
	}
	for _, f := range all {
		by := f.Check
		if by == "" {
			by = "**nothing**"
		}
		if _, err := fmt.Fprintf(w, "| %s | %s | %d | %v |\n", f.Plant, by, f.Seeds, f.At.Round(100*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}
