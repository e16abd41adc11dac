package journal

import (
	"fmt"
	"strings"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// Describe says in words what a step was.
func (m *Model) Describe(s explore.Step) string {
	return s.Fill(fmt.Sprintf("agent %d", s.Who), m.describeEntry(entryID(s.What)))
}

// describeEntry is such as "[slot 2 by agent 1, try 3, after the genesis: c0→1]".
func (m *Model) describeEntry(id entryID) string {
	if id == absent {
		return "empty"
	}
	e := m.entries[id]
	var outcomes []string
	for _, o := range e.outcomes {
		if o.key != 0 {
			outcomes = append(outcomes, fmt.Sprintf("c%d→%v", o.command, o.verdict))
		}
	}
	who := fmt.Sprintf("agent %d", e.agent)
	if e.life > 0 {
		who += fmt.Sprintf(" in life %d", e.life+1)
	}
	return fmt.Sprintf("[slot %d by %s, after %s: %s]", e.slot, who, m.describeChain(e.prev), strings.Join(outcomes, " "))
}

// describeChain names a chain by its last entry.
func (m *Model) describeChain(c chainID) string {
	if c == genesis {
		return "the genesis"
	}
	last := m.entries[m.chains[c].last]
	return fmt.Sprintf("slot %d by agent %d", last.slot, last.agent)
}

func (v verdict) String() string {
	if v == refused {
		return "refused"
	}
	return fmt.Sprint(uint8(v))
}
