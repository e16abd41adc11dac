package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// list begins a listing of the snapshots: at the start, or because of a sighting that no anchor covers. Without Pages it
// is one request; with them the first page shows the names before any one, and the rest is shown later.
func (m *Model) list(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	a.begun = 1
	for j := range a.saw {
		a.saw[j].marks &^= meanwhile
	}
	if !m.Pages {
		newest := s.newest(1, m.Slots)
		m.listed(&s, i, newest, 0)
		emit(explore.Step{Text: "{who} lists the snapshots; the newest is {n}", Who: uint8(i), N: newest}, s)
		return
	}
	for page := a.slot + 1; int(page) <= m.Slots+1; page++ {
		n := s
		a := &n.agents[i]
		a.page, a.listAge, a.found = page, 0, s.newest(1, int(page)-1)
		emit(explore.Step{Text: "{who} lists the snapshots before {n}", Who: uint8(i), N: page}, n)
	}
}

// listOn reads the listing's last page.
func (m *Model) listOn(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	newest := max(a.found, s.newest(int(a.page), m.Slots))
	age := a.listAge
	if m.without == AnchorFirst {
		age = 0
	}
	a.page, a.listAge, a.found = 0, 0, 0
	m.listed(&s, i, newest, age)
	emit(explore.Step{Text: "{who} lists on; the newest is {n}", Who: uint8(i), N: newest}, s)
}

// newest is the newest snapshot there is between two slots; 0: none.
func (s *state) newest(from, to int) uint8 {
	for i := to; i >= from; i-- {
		if s.snap[i] != 0 {
			return uint8(i)
		}
	}
	return 0
}

// listed is rule R (a): with no snapshot at or after the next slot, what was seen of it is true. With one, load it, and
// drop all that was seen and sent. age is that of the last Date before the listing's first request.
func (m *Model) listed(s *state, i int, newest, age uint8) {
	a := &s.agents[i]
	a.offer(age) // the first kind of anchor
	if newest > a.slot {
		a.drop()
		a.saw = [maxDepth]sighting{}
		a.phase, a.found = loading, newest
		return
	}
	a.phase = running
	for a.saw[0].entry != nothing && (a.saw[0].marks&meanwhile == 0 || m.without == ListingAfter) {
		m.believe(s, i, m.tooOld)
	}
	m.judge(s, i, m.tooOld)
}

// load reads a snapshot, if it is still there. What is in it is the chain up to its slot: who wrote it believed just that,
// or Check would have said so.
func (m *Model) load(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	n := a.found
	step := explore.Step{Text: "{who} loads snapshot {n}", Who: uint8(i), N: n}
	a.phase, a.found = running, 0
	if s.snap[n] != 0 {
		a.slot, a.chain = n, s.after[n]
		s.noteBelief(m, n)
		m.tell(&s, i)
	} else {
		step.Text = "{who} finds snapshot {n} gone"
		a.phase = starting
	}
	emit(step, s)
}

// snapshot writes one of the state at this agent's slot.
func (m *Model) snapshot(s state, i int, emit func(explore.Step, state)) {
	n := s.agents[i].slot
	if n == 0 || s.snap[n] != 0 || s.late&(1<<n) != 0 || int(s.snapshots) == m.Snapshots {
		return
	}
	s.snapshots++
	if m.LateSnapshots {
		s.late |= 1 << n
		emit(explore.Step{Text: "{who} sends snapshot {n}", Who: uint8(i), N: n}, s)
		return
	}
	s.snap[n] = 1
	emit(explore.Step{Text: "{who} writes snapshot {n}", Who: uint8(i), N: n}, s)
}

// landSnapshots: the bucket creates a snapshot that is under way.
func (m *Model) landSnapshots(s state, emit func(explore.Step, state)) {
	for i := 1; i <= m.Slots; i++ {
		if s.late&(1<<i) == 0 {
			continue
		}
		n := s
		n.late &^= 1 << i
		if n.snap[i] == 0 {
			n.snap[i] = 1
		}
		emit(explore.Step{Text: "the bucket creates snapshot {n}", N: uint8(i)}, n)
	}
}
