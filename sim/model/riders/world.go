package riders

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// World bounds what happens.
type World struct {
	Slots    int
	Landers  int // each makes one file
	Sweepers int
}

// Model is a World, with the rules of the design but one.
type Model struct {
	World
	without explore.Rule
}

// New makes the model of a world without that rule; "" is with all of them.
func New(w World, without explore.Rule) *Model { return &Model{World: w, without: without} }

// Start is an empty journal.
func (m *Model) Start() (s state) { return s }

// Steps gives all that can happen next.
func (m *Model) Steps(s state, emit func(explore.Step, state)) {
	m.write(s, emit)
	for i := range m.Landers {
		m.land(s, i, emit)
		m.sweepFile(s, i, emit)
	}
	for i := range m.Sweepers {
		m.sweep(s, i, emit)
	}
	if s.covers < s.end {
		s.covers++
		emit(explore.Step{Text: "a snapshot of slot {n} is W old", N: s.covers}, s)
	}
}

// write adds an entry that brings a rider, or deletes what one brought.
func (m *Model) write(s state, emit func(explore.Step, state)) {
	if int(s.end) == m.Slots {
		return
	}
	n := s
	n.add(entry{kind: rides})
	emit(explore.Step{Text: "a segment rides in slot {n}", N: n.end}, n)
	fates, _ := s.after(s.end)
	for r, f := range fates {
		if f.kind == rides || f.kind == lands {
			n := s
			n.add(entry{kind: trims, who: uint8(r)})
			emit(explore.Step{Text: "slot {n} deletes the records that rode in slot {what}", N: n.end, What: uint16(r)}, n)
		}
	}
}

func (s *state) add(e entry) {
	s.end++
	s.entries[s.end] = e
	s.slots |= of(s.end)
}

// Check holds a state against the promises.
func (m *Model) Check(s state) explore.Verdict {
	fates, deleted := s.after(s.end)
	for r, f := range fates {
		switch {
		case f.kind == rides && s.slots&(1<<r) == 0:
			return explore.Verdict{Broken: There, Detail: fmt.Sprintf("slot %d is gone, and something rides in it", r)}
		case f.kind == lands && s.landers[f.in].there == 0:
			return explore.Verdict{Broken: There, Detail: fmt.Sprintf("what rode in slot %d has landed in the file of lander %d, which is not there", r, f.in)}
		case deleted&(1<<r) != 0 && f.kind != trims:
			return explore.Verdict{Broken: Deleted, Detail: fmt.Sprintf("the records that rode in slot %d are back", r)}
		}
	}
	return explore.Kept
}

// Describe says in words what a step was.
func (m *Model) Describe(s explore.Step) string { return s.Fill(fmt.Sprint(s.Who), fmt.Sprint(s.What)) }
