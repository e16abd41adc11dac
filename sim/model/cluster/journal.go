package cluster

import "github.com/millrace-io/millrace/sim/model/explore"

// follow reads the next slot, or the newest snapshot if that is not before it. A snapshot names its cluster: that of
// another one is left alone.
func (m *Model) follow(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	n := a.at + 1
	switch {
	case s.snapshot.slot >= n:
		if s.snapshot.of == a.obeys {
			a.at, a.chain = s.snapshot.slot, s.snapshot.chain
			emit(explore.Step{Text: "{who} loads snapshot {n}", Who: uint8(i), N: a.at}, s)
		}
	case int(n) <= m.Slots && s.slot[n].by != 0:
		e := s.slot[n]
		a.at = n
		step := explore.Step{Text: "{who} reads slot {n}, by agent {what}: void", Who: uint8(i), N: n, What: uint16(e.by - 1)}
		if e.prev == a.chain {
			step.Text = "{who} reads slot {n}, by agent {what}: valid"
			a.chain = a.chain.extend(n, int(e.by-1))
		}
		emit(step, s)
	}
}

// write sends an entry for the next slot.
func (m *Model) write(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	if n := a.at + 1; int(n) <= m.Slots && s.flight[i].by == 0 {
		s.flight[i], s.flightAt[i] = entry{prev: a.chain, by: uint8(i + 1), era: a.era}, n
		emit(explore.Step{Text: "{who} sends an entry for slot {n}", Who: uint8(i), N: n}, s)
	}
}

// snapshot writes one of the agent's state.
func (m *Model) snapshot(s state, i int, emit func(explore.Step, state)) {
	if a := &s.agents[i]; a.at > s.snapshot.slot {
		s.snapshot = snapshot{chain: a.chain, slot: a.at, of: a.obeys, era: a.era}
		emit(explore.Step{Text: "{who} writes snapshot {n}", Who: uint8(i), N: a.at}, s)
	}
}

// landEntries: the bucket does the PUT of an entry, or finds the slot taken.
func (m *Model) landEntries(s state, emit func(explore.Step, state)) {
	for i := range m.Agents {
		e, n := s.flight[i], s.flightAt[i]
		if e.by == 0 {
			continue
		}
		next := s
		next.flight[i], next.flightAt[i] = entry{}, 0
		step := explore.Step{Text: "the bucket has slot {n}, and refuses that of {who}", Who: uint8(i), N: n}
		if s.slot[n].by == 0 {
			next.slot[n] = e
			step.Text = "the bucket creates slot {n}, by {who}"
		}
		emit(step, next)
	}
}
