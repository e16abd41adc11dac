package rig

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// Measurement is one of the things that a command can be asked for.
type Measurement[B any] struct {
	Name string
	What string // in a few words, for --help
	Run  func(B) error
}

// Usage has --help of a command tell its measurements, and then its flags.
func Usage[B any](command string, all []Measurement[B]) {
	flag.Usage = func() {
		out := flag.CommandLine.Output()
		fmt.Fprintf(out, "go run ./bench/%s [flags] [measurement ...]\n\nMeasurements (without one: all):\n", command)
		for _, m := range all {
			fmt.Fprintf(out, "  %-12s %s\n", m.Name, m.What)
		}
		fmt.Fprintf(out, "  %-12s all of these\n\nFlags:\n", "all")
		flag.PrintDefaults()
	}
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
