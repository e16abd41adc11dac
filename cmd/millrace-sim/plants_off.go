//go:build !plant

package main

import (
	"errors"
	"io"

	"github.com/millrace-io/millrace/sim"
)

var errNoPlants = errors.New("this build has no planted bugs: go run -tags plant ./cmd/millrace-sim")

// runner gives what runs options; plant must be empty.
func runner(plant string) (func(sim.Options) *sim.Result, error) {
	if plant != "" {
		return nil, errNoPlants
	}
	return sim.Run, nil
}

func findPlants(io.Writer, int) error { return errNoPlants }
