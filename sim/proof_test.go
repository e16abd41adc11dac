package sim

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the list of checks into docs/PROOF.md")

// TestProofListsTheChecks: docs/PROOF.md has the checks as they are.
func TestProofListsTheChecks(t *testing.T) {
	const path, begin, end = "../docs/PROOF.md", "<!-- checks: made by TestProofListsTheChecks with -update -->\n", "<!-- end of checks -->"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the checks", path)
	}
	var table strings.Builder
	if err := WriteChecks(&table); err != nil {
		t.Fatal(err)
	}
	switch {
	case old == table.String():
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is out of date: go test ./sim -run Proof -update", path)
	}
}
