//go:build plant

package main

import (
	"errors"
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

// findPlants looks for all planted bugs and prints a table. It fails if one is not found by a check that is made for it.
func findPlants(out io.Writer, jobs int) error {
	var findings []sim.Finding
	var failures []error
	for _, p := range sim.Plants() {
		f, err := p.Find(jobs)
		findings, failures = append(findings, f), append(failures, err)
	}
	return errors.Join(append(failures, sim.PlantTable(out, findings))...)
}
