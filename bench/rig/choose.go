package rig

import (
	"fmt"
	"slices"
	"strings"
)

// Measurement is one of the things that a command can be asked for.
type Measurement[B any] struct {
	Name string
	Run  func(B) error
}

// Choose gives those of the names, in the order of the names; all if there are none, or "all" is among them.
func Choose[B any](all []Measurement[B], names []string) ([]Measurement[B], error) {
	if len(names) == 0 || slices.Contains(names, "all") {
		return all, nil
	}
	var chosen []Measurement[B]
	for _, name := range names {
		i := slices.IndexFunc(all, func(m Measurement[B]) bool { return m.Name == name })
		if i < 0 {
			known := make([]string, len(all))
			for i := range all {
				known[i] = all[i].Name
			}
			return nil, fmt.Errorf("there is no measurement %q: choose from %s, all", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
