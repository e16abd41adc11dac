package journal

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// The promises.
const (
	OneEntry   explore.Promise = "all agree what a slot holds"
	SeenTrue   explore.Promise = "a slot is believed only as what it was created first"
	Once       explore.Promise = "a command happens once"
	Order      explore.Promise = "an agent's commands keep their order"
	OneVerdict explore.Promise = "a verdict is what the state before it says"
	Acked      explore.Promise = "what a client was told is in the journal"
	Barrier    explore.Promise = "an answer after a barrier misses nothing acknowledged before"
	Recovers   explore.Promise = "every agent can go on once faults end"
)

// promise names one in a state.
type promise uint8

const (
	seenTrue promise = iota + 1
	once
	order
	oneVerdict
	barrier
)

var promises = [...]explore.Promise{seenTrue: SeenTrue, once: Once, order: Order, oneVerdict: OneVerdict, barrier: Barrier}

// Check holds a state against the promises.
func (m *Model) Check(s state) explore.Verdict {
	journal := &m.chains[s.after[s.tail]]
	if broken := max(s.broken, journal.broken); broken != 0 {
		return explore.Verdict{Broken: promises[broken], Detail: "by the last step"}
	}
	for i := range m.Agents {
		if v := m.checkAgent(&s, i); v != explore.Kept {
			return v
		}
	}
	for c := range m.Homes {
		if told := s.told[c]; told != 0 && !m.isKept(journal.outcomes, c, told) {
			return explore.Verdict{Broken: Acked, Detail: fmt.Sprintf("a client was told %v of c%d", told, c)}
		}
	}
	if m.Recovery {
		return m.checkRecovery(s)
	}
	return explore.Kept
}

// checkAgent compares what an agent believes with what is so.
func (m *Model) checkAgent(s *state, i int) explore.Verdict {
	a := &s.agents[i]
	if a.slot > s.tail || a.chain != s.after[a.slot] {
		return explore.Verdict{Broken: OneEntry, Detail: fmt.Sprintf("agent %d has another slot %d", i, a.slot)}
	}
	next := a.slot + 1
	if a.phase != running || a.saw[0].entry != nothing || int(next) > m.Slots || s.slot[next] != nothing {
		return explore.Kept
	}
	if w := m.look(s, i, next); w.marks&wrong != 0 && m.believable(a, w) {
		return explore.Verdict{Broken: SeenTrue, Detail: fmt.Sprintf("agent %d may believe that slot %d is empty", i, next)}
	}
	return explore.Kept
}

// isKept reports whether the outcomes have that verdict on command c. A refusal may be missing: nothing happened.
func (m *Model) isKept(outcomes []outcome, c int, v verdict) bool {
	for _, o := range outcomes {
		if int(o.command) == c {
			return o.verdict == v
		}
	}
	return v == refused
}
