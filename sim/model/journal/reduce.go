package journal

// reduce forgets what makes no difference any more, so that states that differ in nothing else are one. It is applied to
// each state before it is counted; TestReductions compares worlds with it and without.
func (m *Model) reduce(s *state) {
	for n := uint8(1); int(n) <= m.Slots; n++ {
		switch {
		case m.isDead(s, n):
			s.slot[n], s.age[n], s.again = nothing, 0, s.again&^(1<<n)
			m.forgetPuts(s, n)
		case s.slot[n] != nothing && !m.mayBeDeleted(s, n) && m.without != SlotsOnce:
			m.forgetPuts(s, n) // they will find it taken
		}
		if s.slot[n] != nothing && !m.isAnchor(s, n) {
			s.age[n] = m.tooOld
		}
	}
	for i := range m.Agents {
		m.reduceAnchors(s, &s.agents[i])
	}
}

// reduceAnchors: an anchor that covers nothing any more is none. Where nothing can be deleted any more all that is seen is
// true, so what needs an anchor may have one.
func (m *Model) reduceAnchors(s *state, a *agent) {
	if a.phase == running && !m.mayBeDeleted(s, a.slot+1) {
		a.anchor = 0
	}
	if !m.isUseful(a, a.anchor) {
		a.anchor = m.tooOld
	}
	if a.saw[0].entry != nothing && !m.believable(a, a.saw[0]) {
		a.saw[0].age = uint8(m.Half + 1) // it waits for a listing
	}
	for j := range a.sent {
		if a.sent[j] != nothing && (a.sentAge[j] >= a.anchor || !m.isUseful(a, a.sentAge[j])) {
			a.sentAge[j] = m.tooOld
		}
	}
}

// isUseful: an anchor of that age covers what the agent sees now, or a sighting that it holds.
func (m *Model) isUseful(a *agent, age uint8) bool {
	held := uint8(0)
	for _, w := range a.saw {
		if w.age <= uint8(m.Half) {
			held = max(held, w.age)
		}
	}
	return age <= uint8(m.Half)+held
}

// isAnchor: the Last-Modified of slot n would be an anchor newer than the one that some agent has who has still to read n.
// They age together, so an older one will never be of use.
func (m *Model) isAnchor(s *state, n uint8) bool {
	for i := range m.Agents {
		a := &s.agents[i]
		if a.slot < n && !a.willList() && s.age[n] < a.anchor && m.isUseful(a, s.age[n]) {
			return true
		}
	}
	return false
}

// isDead: nobody will look at slot n again, as there is a snapshot at or after it (and so there will always be one), and
// every agent is past it or has still to list the snapshots.
func (m *Model) isDead(s *state, n uint8) bool {
	if s.newest(int(n), m.Slots) == 0 {
		return false
	}
	for i := range m.Agents {
		if a := &s.agents[i]; a.slot < n && !a.willList() {
			return false
		}
	}
	return true
}

// willList: the agent will list the snapshots before it does anything else.
func (a *agent) willList() bool { return a.phase == starting && a.page == 0 }

// mayBeDeleted: there is a snapshot at or after slot n, or there may be one yet.
func (m *Model) mayBeDeleted(s *state, n uint8) bool {
	return int(s.snapshots) < m.Snapshots || s.newest(int(n), m.Slots) != 0 || s.late>>n != 0
}

// forgetPuts drops PUTs under way to slot n.
func (m *Model) forgetPuts(s *state, n uint8) {
	k := 0
	for _, e := range s.flight {
		if e != nothing && m.entries[e].slot != n {
			s.flight[k] = e
			k++
		}
	}
	for ; k < maxFlight; k++ {
		s.flight[k] = nothing
	}
}
