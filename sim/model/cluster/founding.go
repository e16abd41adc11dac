package cluster

import "github.com/millrace-io/millrace/sim/model/explore"

// open is one step of an agent's way to a cluster: it reads cluster.json, or founds a cluster.
func (m *Model) open(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	first, second := journalFolder, snapshotFolder
	if m.without == JournalFirst {
		first, second = second, first
	}
	switch a.phase {
	case out:
		if s.cluster.names != 0 {
			m.obey(s, i, s.cluster.names, emit)
			return
		}
		a.phase = looking1
		emit(explore.Step{Text: "{who} starts, and finds no cluster.json", Who: uint8(i)}, s)
	case looking1:
		m.lookInto(s, i, first, looking2, emit)
	case looking2:
		m.lookInto(s, i, second, creating, emit)
	case creating:
		if s.founding[i] != 0 {
			return // its last one is still under way
		}
		a.phase = returning
		s.founding[i] = a.draw(i)
		a.foundings++
		emit(explore.Step{Text: "{who} sends its cluster.json", Who: uint8(i)}, s)
	case returning:
		m.readBack(s, i, emit)
	}
}

// lookInto lists a folder. If it is not empty, somebody else may have founded the cluster, and written, meanwhile; if not,
// there is a journal without cluster.json: the agent stops, and is started again.
func (m *Model) lookInto(s state, i, folder int, next phase, emit func(explore.Step, state)) {
	blind := folder == journalFolder && m.without == LooksAtJournal || folder == snapshotFolder && m.without == LooksAtSnapshots
	step := explore.Step{Text: "{who} finds journal/ empty", Who: uint8(i)}
	if folder == snapshotFolder {
		step.Text = "{who} finds snapshot/ empty"
	}
	switch {
	case blind:
		step.Text = "{who} does not look at a folder"
	case s.isEmpty(folder):
	case s.cluster.names != 0:
		m.obey(s, i, s.cluster.names, emit)
		return
	default:
		step.Text, next = "{who} finds a journal without cluster.json, and stops", out
	}
	s.agents[i].phase = next
	emit(step, s)
}

func (m *Model) readBack(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	switch {
	case m.without == ReadBack:
		if s.founding[i] == 0 { // its PUT was answered, whatever the answer was
			a.foundings--
			m.obey(s, i, a.draw(i), emit)
		}
	case s.cluster.names != 0:
		m.obey(s, i, s.cluster.names, emit)
	case s.founding[i] == 0:
		a.phase = out
		emit(explore.Step{Text: "{who} finds its cluster.json gone, and stops", Who: uint8(i)}, s)
	}
}

// obey: the agent is of that cluster from now on, and begins at its genesis.
func (m *Model) obey(s state, i int, id clusterID, emit func(explore.Step, state)) {
	s.agents[i] = agent{phase: running, foundings: s.agents[i].foundings, obeys: id, chain: m.genesis(id), era: min(s.cluster.era, before)}
	emit(explore.Step{Text: "{who} obeys the cluster of agent {n}", Who: uint8(i), N: id.founder()}, s)
}

// genesis is the hash that a cluster's first entry continues.
func (m *Model) genesis(id clusterID) chain {
	if m.without == GenesisNamesIt {
		return 0
	}
	return chain(id) << (2 * maxSlots)
}

// landCluster: the bucket creates a cluster.json, or finds one.
func (m *Model) landCluster(s state, emit func(explore.Step, state)) {
	for i := range m.Agents {
		id := s.founding[i]
		if id == 0 {
			continue
		}
		n := s
		n.founding[i] = 0
		step := explore.Step{Text: "the bucket creates cluster.json of {who}", Who: uint8(i)}
		if n.cluster.names != 0 && m.without != IfAbsent {
			step.Text = "the bucket has a cluster.json, and refuses that of {who}"
		} else {
			n.cluster = file{names: id}
			n.over |= s.stands()
		}
		emit(step, n)
	}
}

// stands is 1 if there is something of a journal that was not wiped.
func (s *state) stands() uint8 {
	for _, e := range s.slot {
		if e.by != 0 && e.era == now {
			return 1
		}
	}
	if s.snapshot.slot != 0 && s.snapshot.era == now {
		return 1
	}
	return 0
}
