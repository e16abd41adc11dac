package invariant_test

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base/invariant"
)

func TestCheckPanicsWithTheText(t *testing.T) {
	invariant.Check(true, "never seen")
	defer func() {
		if r := recover(); r != "invariant broken: 3 slots, want 2" {
			t.Fatalf("recovered %v", r)
		}
	}()
	invariant.Check(false, "%d slots, want %d", 3, 2)
	t.Fatal("went on")
}

func TestCheckThatHoldsIsFree(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { invariant.Check(true, "constant text") }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
