package parts

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// World bounds what happens.
type World struct {
	Snapshots int // slots that get one
	Makers    int
	Sweepers  int
	Half, W   int // W/2 and W in ticks
}

// Model is a World, with the rules of the design but one.
type Model struct {
	World
	without explore.Rule
	exact   bool // without reduce: a test compares
}

// New makes the model of a world without that rule; "" is with all of them.
func New(w World, without explore.Rule) *Model {
	m := &Model{World: w, without: without}
	if without == DeadlineHalf {
		m.Half = m.W
	}
	return m
}

// Start is an empty bucket.
func (m *Model) Start() (s state) { return s }

// Steps gives all that can happen next.
func (m *Model) Steps(s state, give func(explore.Step, state)) {
	emit := func(step explore.Step, n state) {
		if !m.exact {
			m.reduce(&n)
		}
		give(step, n)
	}
	m.passTime(s, emit)
	for i := range m.Makers {
		m.make(s, i, emit)
	}
	for i := range m.Sweepers {
		m.sweep(s, i, emit)
	}
}

// passTime makes all there is one tick older.
func (m *Model) passTime(s state, emit func(explore.Step, state)) {
	n := s
	for i := range n.snapshots {
		m.grow(&n.snapshots[i].object)
	}
	for i := range n.parts {
		m.grow(&n.parts[i])
	}
	for i := range n.makers {
		if k := &n.makers[i]; k.left > 0 {
			k.left--
		}
	}
	if n != s {
		emit(explore.Step{Text: "time passes: one tick"}, n)
	}
}

func (m *Model) grow(o *object) {
	if o.there != 0 && int(o.age) < m.W {
		o.age++
	}
}

// Check holds a state against the promise.
func (m *Model) Check(s state) explore.Verdict {
	for n := m.Snapshots; n > 0; n-- {
		x := s.snapshots[n]
		if x.there == 0 || x.late != 0 {
			continue
		}
		if s.parts[x.part-1].there == 0 {
			return explore.Verdict{Broken: Whole, Detail: fmt.Sprintf("the part of snapshot %d is gone", n)}
		}
		if int(x.age) == m.W {
			break // those before it do not count any more
		}
	}
	return explore.Kept
}

// Describe says in words what a step was.
func (m *Model) Describe(s explore.Step) string {
	return s.Fill(fmt.Sprint(s.Who), m.name(partID(s.What)))
}

// name gives a part's name: by which maker, for which snapshot.
func (m *Model) name(p partID) string {
	if p == 0 {
		return "none"
	}
	return fmt.Sprintf("part %d/%d", (int(p)-1)/maxMakers+1, (int(p)-1)%maxMakers)
}
