package main

import (
	"testing"

	"github.com/millrace-io/millrace/bench/rig"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  int
	}{{nil, len(measurements)}, {[]string{"all"}, len(measurements)}, {[]string{"apply", "idle"}, 2}} {
		if got, err := rig.Choose(measurements, c.names); err != nil || len(got) != c.want {
			t.Errorf("%q: %d measurements, %v; want %d", c.names, len(got), err, c.want)
		}
	}
	if _, err := rig.Choose(measurements, []string{"aply"}); err == nil {
		t.Error("a misspelt name is passed over")
	}
}

// What apply writes is decided and applied by the agent's own code; the large state has the size its goal names.
func TestEntriesReplay(t *testing.T) {
	s, topic, err := applyWorld(10)
	if err != nil {
		t.Fatal(err)
	}
	a := applied{entries: 3, segments: 2, batches: 5}
	payloads, _, err := a.write(s, topic)
	if err != nil || len(payloads) != 3 {
		t.Fatalf("%d entries, %v", len(payloads), err)
	}
	if _, err := replay(s, payloads); err != nil {
		t.Fatal(err)
	}
	if extents := large.Files * large.BatchesPerFile; extents != 1_000_000 {
		t.Errorf("the large state has %d extents", extents)
	}
}
