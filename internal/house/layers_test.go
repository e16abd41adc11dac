package house

import (
	"fmt"
	"strings"
	"testing"
)

// place is where a package of the module stands.
type place struct {
	room  string // "" on top and outside
	floor int
}

const (
	floorTop     = floorHighestKnown + 1
	floorOutside = floorTop + 1
)

// placeOf finds a package's place, by its path inside the module.
func placeOf(pkg string) (place, error) {
	for _, folder := range top {
		if within(pkg, folder) {
			return place{floor: floorTop}, nil
		}
	}
	name, ok := strings.CutPrefix(pkg, "internal/")
	if !ok {
		return place{}, fmt.Errorf("%s: a package is below internal/ or one of %v; what is it for?", pkg, top)
	}
	for room := name; ; {
		if floor, ok := floors[room]; ok {
			return place{room, floor}, nil
		}
		if outside[room] != "" {
			return place{floor: floorOutside}, nil
		}
		cut := strings.LastIndexByte(room, '/')
		if cut < 0 {
			return place{}, fmt.Errorf("%s is in no room: give it a floor in house/floors.go", pkg)
		}
		room = room[:cut]
	}
}

// layerFaults lists what a file imports against the rules.
func layerFaults(s source) []string {
	from, err := placeOf(s.pkg)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	for _, spec := range s.file.Imports {
		path, ours := strings.CutPrefix(importPath(spec), module+"/")
		if !ours {
			continue
		}
		to, err := placeOf(path)
		switch {
		case err != nil:
			faults = append(faults, err.Error())
		case !mayImport(from, to):
			faults = append(faults, fmt.Sprintf("%s imports %s: %s", s.at(spec), path, layerRule(from, to)))
		}
	}
	return faults
}

func mayImport(from, to place) bool {
	if to.floor == floorOutside {
		return false
	}
	if from.floor == floorTop || from.floor == floorOutside {
		return true
	}
	return to.floor < from.floor || to.room == from.room
}

// layerRule says in plain words which rule the import breaks.
func layerRule(from, to place) string {
	switch {
	case to.floor == floorOutside:
		return "that package is no room, and nothing imports it"
	case to.floor == floorTop:
		return "what stands on top of the house is imported by no room"
	case to.floor == from.floor:
		return fmt.Sprintf("both are on floor %d, and rooms of one floor do not know each other; "+
			"let the floor above join them, or pass in an interface", from.floor)
	default:
		return fmt.Sprintf("%s is on floor %d and %s on floor %d, and a room imports only lower floors; "+
			"pass in an interface, or move what both need down", from.room, from.floor, to.room, to.floor)
	}
}

func TestLayers(t *testing.T) {
	for _, s := range moduleSources(t) {
		for _, fault := range layerFaults(s) {
			t.Error(fault)
		}
	}
}

func TestLayersCatches(t *testing.T) {
	for _, c := range []struct{ pkg, imports, want string }{
		{"internal/journal", "internal/base/env", ""},
		{"internal/base/env/sim", "internal/base/env", ""},
		{"internal/meta", "internal/meta/log", ""},
		{"internal/objstore/open", "internal/objstore/memstore", ""},
		{"internal/jobs/merge", "internal/control", ""},
		{"cmd/millrace", "internal/broker", ""},
		{"sim", "internal/console", ""},
		{"internal/meta/log", "internal/meta", "meta/log is on floor 2 and meta on floor 3"},
		{"internal/journal", "internal/meta", "both are on floor 3"},
		{"internal/meta/log", "internal/meta/group", "both are on floor 2"},
		{"internal/segment", "internal/kafka/batch", "both are on floor 1"},
		{"internal/base/codec", "internal/segment", "base is on floor 0 and segment on floor 1"},
		{"internal/broker", "internal/house", "no room"},
		{"internal/broker", "sim/checkers", "on top"},
		{"internal/utils", "internal/base", "give it a floor in house/floors.go"},
		{"internal/broker", "internal/utils", "give it a floor in house/floors.go"},
		{"pkg/client", "internal/base", "below internal/"},
	} {
		s := parse(t, c.pkg, fmt.Sprintf("package p\nimport _ %q\n", module+"/"+c.imports))
		got := strings.Join(layerFaults(s), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s imports %s: want %q, got %q", c.pkg, c.imports, c.want, got)
		}
	}
}
