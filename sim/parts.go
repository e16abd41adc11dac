package sim

import (
	"reflect"
	"slices"
)

// The clients that a run can do without.
const (
	partConsumers  = "consumers"
	partMembers    = "members"
	partObserver   = "observer"
	partCommitters = "committers"
	partMeddler    = "meddler"
	partHasty      = "hasty"
	partVandal     = "vandal"
)

// Parts names what Options.Off can leave out, to see what a failure needs: the bucket's kinds of faults, by their fields in
// Faults, and clients.
func Parts() []string {
	names := []string{partConsumers, partMembers, partObserver, partCommitters, partMeddler, partHasty, partVandal}
	t := reflect.TypeFor[Faults]()
	for i := range t.NumField() {
		if t.Field(i).Type.Kind() == reflect.Uint64 {
			names = append(names, t.Field(i).Name)
		}
	}
	return names
}

// leaveOut sets the chances of the named faults to zero.
func (x *Faults) leaveOut(off []string) {
	v := reflect.ValueOf(x).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint64 && slices.Contains(off, v.Type().Field(i).Name) {
			f.SetUint(0)
		}
	}
}

// has reports whether a client is part of the run.
func (c *Cluster) has(part string) bool { return !slices.Contains(c.options.Off, part) }
