package journal

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// recoverySteps is more than any agent needs: to list, load, read a full journal, be told to list again, and write.
const recoverySteps = 4 * maxSlots

// checkRecovery: once faults end any agent, alone, comes to write a valid entry. A model in which agents are stuck would
// keep all other promises.
func (m *Model) checkRecovery(s state) explore.Verdict {
	calm := *m
	calm.Slots, calm.Puts, calm.Requests = m.Slots+1, 255, 0
	s.flight, s.request = [maxFlight]entryID{}, request{}
	for i := range m.Agents {
		if !calm.recovers(s, i) {
			return explore.Verdict{Broken: Recovers, Detail: fmt.Sprintf("agent %d does not come to write", i)}
		}
	}
	return explore.Kept
}

func (m *Model) recovers(s state, i int) bool {
	take := func(_ explore.Step, next state) { s = next }
	for range recoverySteps {
		switch a := &s.agents[i]; {
		case a.page != 0:
			m.listOn(s, i, take)
		case a.phase == loading:
			m.load(s, i, take)
		case a.phase == starting || a.saw[0].entry != nothing:
			m.list(s, i, take)
		case s.slot[a.slot+1] != nothing:
			m.read(s, i, take)
		default:
			if m.writes(&s, i) {
				return s.broken == 0
			}
		}
	}
	return false
}

// writes sends an entry without commands, which the bucket does at once, and reports whether the agent believes it.
func (m *Model) writes(s *state, i int) bool {
	a := &s.agents[i]
	e := m.id(entry{slot: a.slot + 1, agent: uint8(i), life: a.life, prev: a.chain})
	a.drop()
	a.sent[0] = e
	m.create(s, e)
	m.hear(s, e)
	return m.chains[a.chain].last == e && s.first[m.entries[e].slot] == e
}
