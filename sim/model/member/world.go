package member

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// World bounds what happens.
type World struct {
	Agents  int
	Entries int // in the log, besides those it begins with
	Session int // ticks without a beat after which a session is over: 4 or more, as it takes so long to find another tender
	Expired int // expiries, in all
}

// Model is a World, with the rules of the design but one.
type Model struct {
	World
	without explore.Rule
}

// New makes the model of a world without that rule; "" is with all of them.
func New(w World, without explore.Rule) *Model { return &Model{w, without} }

// Start has all agents registered, and the first of them for the member's tender.
func (m *Model) Start() (s state) {
	for i := range m.Agents {
		s.agents[i].life = 1
		m.append(&s, register, s.self(i))
	}
	m.append(&s, adopt, s.self(0))
	for i := range m.Agents {
		s.agents[i].at = s.length
	}
	return s
}

// Steps gives all that can happen next.
func (m *Model) Steps(s state, emit func(explore.Step, state)) {
	m.tick(s, emit)
	m.beat(s, emit)
	if n := s; s.gone == 0 {
		n.gone = 1
		emit(explore.Step{Text: "the member is gone"}, n)
	}
	for i := range m.Agents {
		m.sleep(s, i, emit)
		if s.agents[i].asleep == awake {
			m.act(s, i, emit)
		}
	}
}

// act is what an agent can do that is awake. What it would write before it has applied all there is would be void.
func (m *Model) act(s state, i int, emit func(explore.Step, state)) {
	if s.agents[i].at < s.length {
		m.read(s, i, emit)
		return
	}
	if int(s.length) < 1+m.Agents+m.Entries {
		m.register(s, i, emit)
		m.expire(s, i, emit)
		m.adopt(s, i, emit)
		m.expel(s, i, emit)
	}
}

// append adds an entry to the log.
func (m *Model) append(s *state, k kind, who incarnation) {
	s.log[s.length] = entry{k, who}
	s.length++
}

// tick: time passes, once the member has done its beat, or waits for an answer, and those who are awake know all there is.
func (m *Model) tick(s state, emit func(explore.Step, state)) {
	switch {
	case s.beaten != 0:
		s.beaten = 0
	case s.gone == 0 && !m.waits(&s):
		return
	case s.gone == 0:
		s.failed = 1
	}
	for i := range m.Agents {
		a := &s.agents[i]
		if a.asleep == awake && a.at < s.length {
			return
		}
		a.quiet = min(a.quiet+1, uint8(m.Session))
		if a.asleep != awake {
			a.asleep = stalled
		}
	}
	emit(explore.Step{Text: "time passes: one tick"}, s)
}

// waits: there is nobody to answer the member.
func (m *Model) waits(s *state) bool {
	if s.failed == 0 {
		return !s.serves(int(s.to))
	}
	for i := range m.Agents {
		if s.serves(i) {
			return false
		}
	}
	return true
}

// beat: the member beats. If its tender refuses, or gave no answer for a tick, it learns from any other where to beat the
// next time.
func (m *Model) beat(s state, emit func(explore.Step, state)) {
	if s.beaten != 0 || s.gone != 0 || m.waits(&s) {
		return
	}
	a := &s.agents[s.to]
	v := s.fold(a.at)
	if s.failed == 0 && v.tender == s.self(int(s.to)) {
		a.quiet, s.beaten = 0, 1
		emit(explore.Step{Text: "the member's beat is heard by {who}", Who: s.to}, s)
		return
	}
	s.beaten, s.failed = 1, 0
	v = s.fold(s.length)
	for i := range m.Agents {
		if s.serves(i) {
			n := s
			n.to = v.tender.agent
			emit(explore.Step{Text: "the member's beat is not heard; agent {n} sends it to {who}", Who: n.to, N: uint8(i)}, n)
			return // others would say the same
		}
	}
}

// Check holds a state against the promises.
func (m *Model) Check(s state) explore.Verdict {
	if s.broken != 0 {
		return explore.Verdict{Broken: Stays, Detail: "by the last step"}
	}
	for i := range m.Agents {
		if !m.findsOut(s, i) {
			return explore.Verdict{Broken: Ends, Detail: fmt.Sprintf("agent %d does not end its session", i)}
		}
	}
	return explore.Kept
}

// Describe says in words what a step was.
func (m *Model) Describe(s explore.Step) string {
	return s.Fill(fmt.Sprintf("agent %d", s.Who), "")
}
