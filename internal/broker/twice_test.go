package broker

import (
	"slices"
	"testing"
)

// An agent that crashed and is back is there twice until its former incarnation has expired. Both have one address: nothing has to move.
func TestLeadersStayWhileAnAgentIsThereTwice(t *testing.T) {
	list := zoneOfAgents("a", 10)
	before, moved := led(list), 0
	for _, twice := range list {
		again := twice
		again.id = 99
		both := append(slices.Clone(list), again)
		for p, n := range led(both) {
			if n != before[p] && (n != 99 || before[p] != twice.id) {
				moved++
			}
		}
	}
	if share := float64(moved) / placedPartitions / float64(len(list)); share > 0 {
		t.Errorf("%.2f of the partitions move to another address, and back", share)
	}
}
