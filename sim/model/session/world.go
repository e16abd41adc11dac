package session

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// World bounds what happens.
type World struct {
	Agents  int
	Homes   []int // by command: the agent whose client sends it
	Entries int   // in the log
	Flight  int   // entries under way
	Crashes int   // in all
	Expired int   // expiries proposed, in all
}

// Model is a World, with the rules of the design but one.
type Model struct {
	World
	without explore.Rule
}

// New makes the model of a world without that rule; "" is with all of them.
func New(w World, without explore.Rule) *Model { return &Model{w, without} }

// Start is an empty log.
func (m *Model) Start() (s state) { return s }

// Steps gives all that can happen next.
func (m *Model) Steps(s state, emit func(explore.Step, state)) {
	m.land(s, emit)
	for i := range m.Agents {
		m.crash(s, i, emit)
		m.read(s, i, emit)
		m.load(s, i, emit)
		m.number(s, i, emit)
		if int(s.agents[i].at) == int(s.length) { // what is decided on less is void
			m.register(s, i, emit)
			m.write(s, i, emit)
			m.expire(s, i, emit)
		}
	}
}

// land: an entry that is under way gets the next place in the log. The others, decided on the same state, are void then.
func (m *Model) land(s state, emit func(explore.Step, state)) {
	for _, e := range s.flight {
		if e.kind == none || int(s.length) == m.Entries {
			continue
		}
		n := s
		n.log[n.length] = e
		n.length++
		n.flight = [maxFlight]event{}
		switch e.kind {
		case register:
			emit(explore.Step{Text: "in the log: agent {n}, as process {what}, is incarnation {who}", N: e.nonce.agent, What: uint16(e.nonce.life), Who: e.incarnation}, n)
		case expire:
			emit(explore.Step{Text: "in the log: incarnation {who} is expired", Who: e.incarnation}, n)
		default:
			emit(explore.Step{Text: "in the log: c{n}, of incarnation {who}, as its command {what}", N: e.command, Who: e.key.incarnation, What: uint16(e.key.number)}, n)
		}
	}
}

// launch sends an entry.
func (m *Model) launch(s state, e event, step explore.Step, emit func(explore.Step, state)) {
	for i := range m.Flight {
		switch s.flight[i] {
		case e:
			return
		case event{}:
			s.flight[i] = e
			emit(step, s)
			return
		}
	}
}

// Describe says in words what a step was.
func (m *Model) Describe(s explore.Step) string {
	return s.Fill(fmt.Sprint(s.Who), fmt.Sprint(s.What))
}
