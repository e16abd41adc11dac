package cluster

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// World bounds what happens.
type World struct {
	Agents int
	Slots  int
	Wipe   bool // the prefix is wiped once
	Lose   bool // cluster.json is lost once
}

// Model is a World, with the rules of the design but one.
type Model struct {
	World
	without explore.Rule
}

// New makes the model of a world without that rule; "" is with all of them.
func New(w World, without explore.Rule) *Model { return &Model{w, without} }

// Start is an empty prefix.
func (m *Model) Start() (s state) { return s }

// Steps gives all that can happen next.
func (m *Model) Steps(s state, emit func(explore.Step, state)) {
	m.landCluster(s, emit)
	m.landEntries(s, emit)
	m.truncate(s, emit)
	m.wipe(s, emit)
	m.lose(s, emit)
	for i := range m.Agents {
		if i > 0 && s.agents[i-1] == (agent{}) {
			break // agents that have not begun are alike: the first of them may as well begin first
		}
		if s.agents[i].phase == running {
			m.follow(s, i, emit)
			m.write(s, i, emit)
			m.snapshot(s, i, emit)
		} else {
			m.open(s, i, emit)
		}
	}
}

// wipe: somebody deletes what is under the prefix, though agents run: what there is when he begins, one object at a time,
// and cluster.json last. What agents add later stays.
func (m *Model) wipe(s state, emit func(explore.Step, state)) {
	if m.Wipe && s.wiped == 0 {
		n := s
		n.wiped = 1
		n.age()
		emit(explore.Step{Text: "somebody begins to delete what is under the prefix"}, n)
	}
	left := false
	for k, e := range s.slot {
		if e.era == doomed {
			left = true
			n := s
			n.slot[k] = entry{}
			emit(explore.Step{Text: "slot {n} is wiped", N: uint8(k)}, n)
		}
	}
	if n := s; s.snapshot.era == doomed {
		left = true
		n.snapshot = snapshot{}
		emit(explore.Step{Text: "snapshot {n} is wiped", N: s.snapshot.slot}, n)
	}
	if n := s; s.cluster.era == doomed && (!left || m.without == WipedLast) {
		n.cluster = file{}
		emit(explore.Step{Text: "cluster.json is wiped"}, n)
	}
}

// age marks all there is as being of the time before the prefix was wiped.
func (s *state) age() {
	for n := range s.slot {
		if s.slot[n].by != 0 {
			s.slot[n].era = doomed
		}
	}
	for i := range s.agents {
		if s.agents[i].obeys != 0 {
			s.agents[i].era = before
		}
		if s.flight[i].by != 0 {
			s.flight[i].era = before
		}
	}
	if s.snapshot.slot != 0 {
		s.snapshot.era = doomed
	}
	if s.cluster.names != 0 {
		s.cluster.era = doomed
	}
}

// lose: cluster.json vanishes, while the journal stands and nobody is founding.
func (m *Model) lose(s state, emit func(explore.Step, state)) {
	if !m.Lose || s.lost != 0 || s.cluster.names == 0 || s.isEmpty(journalFolder) && s.isEmpty(snapshotFolder) || s.founding != [maxAgents]clusterID{} {
		return
	}
	for _, a := range s.agents {
		if a.phase != out && a.phase != running {
			return
		}
	}
	s.cluster, s.lost = file{}, 1
	emit(explore.Step{Text: "cluster.json is lost"}, s)
}

func (s *state) isEmpty(folder int) bool {
	if folder == snapshotFolder {
		return s.snapshot.slot == 0
	}
	return s.slot == [maxSlots + 1]entry{}
}

// truncate deletes a slot that a snapshot of this cluster covers. Agents of one that was wiped would have to live for W
// after that to delete anything.
func (m *Model) truncate(s state, emit func(explore.Step, state)) {
	for n := uint8(1); n <= s.snapshot.slot && s.snapshot.era == now; n++ {
		if s.slot[n].by != 0 {
			next := s
			next.slot[n] = entry{}
			emit(explore.Step{Text: "slot {n} is deleted", N: n}, next)
		}
	}
}

// Describe says in words what a step was.
func (m *Model) Describe(s explore.Step) string {
	return s.Fill(fmt.Sprintf("agent %d", s.Who), fmt.Sprint(s.What))
}
