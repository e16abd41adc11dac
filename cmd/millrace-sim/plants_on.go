//go:build plant

package main

import (
	"io"

	"github.com/millrace-io/millrace/sim"
)

// runner gives what runs options, with a planted bug if one is named.
func runner(plant string) (func(sim.Options) *sim.Result, error) {
	if plant == "" {
		return sim.Run, nil
	}
	p, err := sim.PlantNamed(plant)
	return p.Run, err
}

// findPlants looks for all planted bugs and prints a table. It reports whether all were found.
func findPlants(out io.Writer, jobs int) (all bool, err error) {
	var findings []sim.Finding
	all = true
	for _, p := range sim.Plants() {
		f, found := p.Find(jobs)
		all = all && found
		findings = append(findings, f)
	}
	return all, sim.PlantTable(out, findings)
}
