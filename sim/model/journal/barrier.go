package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// request is that of a client who wants an answer after a barrier: one that reflects all that was acknowledged, by
// anybody, before the request arrived.
type request struct {
	agent uint8 // 1 + who was asked; 0: there is none
	owed  uint8 // bits by command: acknowledged before
	upTo  uint8 // 1 + the slot where the journal ended, seen by a probe or a win begun after it; 0: not seen
	count uint8 // requests so far
}

// ask: a client asks.
func (m *Model) ask(s state, i int, emit func(explore.Step, state)) {
	if !m.willAsk(&s) || s.request.agent != 0 || s.agents[i].begun == 0 {
		return
	}
	s.request.agent, s.request.count = uint8(i+1), s.request.count+1
	for c, v := range s.told {
		if v != 0 {
			s.request.owed |= 1 << c
		}
	}
	switch m.without {
	case BarrierProbes:
		s.request.upTo = 1 + s.agents[i].slot
	case SequencerProbes:
		for k := range m.Agents {
			if k != i && s.agents[k].phase == running {
				s.request.upTo = 1 + s.agents[k].slot
			}
		}
	}
	for k := range s.agents {
		b := &s.agents[k]
		switch m.without {
		case WinsBegunAfter:
			b.asked = 1<<b.underWay() - 1
		case ProbesBegunAfter:
			if b.saw[0].entry == absent {
				b.saw[0].marks |= asked
			}
		}
	}
	emit(explore.Step{Text: "a client asks {who} for something that takes a barrier", Who: uint8(i)}, s)
}

// willAsk: there will be another request.
func (m *Model) willAsk(s *state) bool { return int(s.request.count) < m.Requests }

// serves: what agent i begins now may serve the request that waits. It is its own, or that of a follower.
func (m *Model) serves(s *state, i int) bool {
	own := int(s.request.agent) == i+1
	return s.request.agent != 0 && s.request.upTo == 0 && (own || m.Peers)
}

// sawEnd: agent i believes that the journal ended at its slot at a moment after the request arrived: the next slot was
// empty, or this one was. Its own request is served by that, and so is that of a follower, who may be at an earlier slot.
func (m *Model) sawEnd(s *state, i int) {
	if m.serves(s, i) {
		s.request.upTo = 1 + s.agents[i].slot
		s.forgetAsked()
	}
}

// answer gives the client its answer, from the agent's state.
func (m *Model) answer(s state, i int, emit func(explore.Step, state)) {
	r := s.request
	if int(r.agent) != i+1 || r.upTo == 0 || s.agents[i].slot < r.upTo-1 {
		return
	}
	for c := range m.Homes {
		if r.owed&(1<<c) != 0 && lookup(m.chains[s.agents[i].chain].outcomes, s.key[c]) == 0 {
			s.broken = barrier
		}
	}
	s.endRequest()
	emit(explore.Step{Text: "{who} answers the client", Who: uint8(i)}, s)
}

// endRequest forgets the request.
func (s *state) endRequest() {
	s.request = request{count: s.request.count}
	s.forgetAsked()
}

// forgetAsked forgets who has begun what for the request.
func (s *state) forgetAsked() {
	for i := range s.agents {
		a := &s.agents[i]
		a.asked = 0
		for j := range a.saw {
			a.saw[j].marks &^= asked
		}
	}
}
