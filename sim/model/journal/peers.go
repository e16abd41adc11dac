package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// Messages between agents may take any time, and outlive who sent them. So they are not counted: a command that was
// forwarded once can be proposed by any agent from then on, and an entry that somebody believed can come to anybody.

// forward gives a command of the agent's own its number, and sends it to the others.
func (m *Model) forward(s state, i int, emit func(explore.Step, state)) {
	if !m.Peers {
		return
	}
	for c, home := range m.Homes {
		if home == i && s.key[c] == 0 {
			a := &s.agents[i]
			a.numbers++
			s.key[c] = newKey(i, a.life, a.numbers)
			emit(explore.Step{Text: "{who} forwards c{n}", Who: uint8(i), N: uint8(c)}, s)
			return
		}
	}
}

// follow takes the next entry from a peer's stream.
func (m *Model) follow(s state, i int, emit func(explore.Step, state)) {
	if !m.Peers {
		return
	}
	n := s.agents[i].slot + 1
	if n <= s.spread {
		m.streamed(s, i, s.first[n], emit)
	}
	if m.without == StreamBelieved {
		for k := range m.Agents {
			b := &s.agents[k]
			if k != i && b.slot+1 == n && b.sent[0] != nothing {
				m.streamed(s, i, b.sent[0], emit)
			}
		}
	}
}

func (m *Model) streamed(s state, i int, e entryID, emit func(explore.Step, state)) {
	modified := m.tooOld
	if m.without == StreamNoAnchor {
		modified = 0
	}
	m.advance(&s, i, sighting{entry: e}, modified)
	m.judge(&s, i, m.tooOld)
	emit(explore.Step{Text: "{who} is streamed {what}", Who: uint8(i), What: uint16(e)}, s)
}

// refuse tells a client from the state at hand that its command is refused: what no agent may do where another one can
// write that command down later.
func (m *Model) refuse(s state, i int, emit func(explore.Step, state)) {
	if m.without != RefusalWritten || !m.Conditional || m.Homes[1] != i || s.key[1] == 0 || s.told[1] != 0 {
		return
	}
	if m.decide(m.chains[s.agents[i].chain].outcomes, 1) == refused {
		s.told[1] = refused
		emit(explore.Step{Text: "{who} refuses c1", Who: uint8(i)}, s)
	}
}

func (s *state) noteBelief(m *Model, n uint8) {
	if m.Peers {
		s.spread = max(s.spread, n)
	}
}
