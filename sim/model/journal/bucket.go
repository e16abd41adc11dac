package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// passTime makes all there is one tick older.
func (m *Model) passTime(s state, emit func(explore.Step, state)) {
	n := s
	for i := 1; i <= m.Slots; i++ {
		if n.slot[i] != nothing {
			grow(&n.age[i], m.tooOld)
		}
		if n.snap[i] != 0 {
			grow(&n.snap[i], uint8(1+m.W))
		}
	}
	for i := range m.Agents {
		a := &n.agents[i]
		grow(&a.anchor, m.tooOld)
		if a.page != 0 {
			grow(&a.listAge, m.tooOld)
		}
		for j := range maxDepth {
			if a.saw[j].entry != nothing {
				grow(&a.saw[j].age, uint8(m.Half+1))
			}
			if a.sent[j] != nothing {
				grow(&a.sentAge[j], m.tooOld)
			}
		}
	}
	if n != s {
		emit(explore.Step{Text: "time passes: one tick"}, n)
	}
}

func grow(age *uint8, limit uint8) {
	if *age < limit {
		*age++
	}
}

// landPuts: the bucket does a PUT that is under way, if the slot is empty. Its writer hears the answer, or not. A PUT
// into a slot that is taken does nothing, and tells its writer nothing that reading the slot would not.
func (m *Model) landPuts(s state, emit func(explore.Step, state)) {
	for k, e := range s.flight {
		if e == nothing || k > 0 && e == s.flight[k-1] || s.slot[m.entries[e].slot] != nothing && m.without != SlotsOnce {
			continue
		}
		n := s
		copy(n.flight[k:], s.flight[k+1:])
		n.flight[maxFlight-1] = nothing
		m.create(&n, e)
		who := m.entries[e].agent
		emit(explore.Step{Text: "the bucket does the PUT of {what}; nobody hears of it", Who: who, What: uint16(e)}, n)
		if m.hear(&n, e) {
			emit(explore.Step{Text: "the bucket does the PUT of {what}; {who} hears of it", Who: who, What: uint16(e)}, n)
		}
	}
}

// create puts e into its slot.
func (m *Model) create(s *state, e entryID) {
	n := m.entries[e].slot
	s.slot[n], s.age[n] = e, 0
	if s.first[n] != nothing {
		s.again |= 1 << n
		return
	}
	s.first[n] = e
	for s.tail < maxSlots && s.first[s.tail+1] != nothing {
		s.tail++
		s.after[s.tail] = m.extend(s.after[s.tail-1], s.first[s.tail])
	}
}

// truncate is rule T: slots and snapshots may be deleted that a snapshot of age W covers, one at a time and at any time
// later: by whom, and how long ago he decided to, makes no difference.
func (m *Model) truncate(s state, emit func(explore.Step, state)) {
	best := m.oldSnapshot(&s)
	last := best
	if m.without == SnapshotCovers && best > 0 {
		last = min(best+1, m.Slots)
	}
	for i := 1; i <= last; i++ {
		if s.slot[i] != nothing {
			n := s
			n.slot[i], n.age[i], n.again = nothing, 0, s.again&^(1<<i)
			emit(explore.Step{Text: "slot {n} is deleted", N: uint8(i)}, n)
		}
		if i < best && s.snap[i] != 0 {
			n := s
			n.snap[i] = 0
			emit(explore.Step{Text: "snapshot {n} is deleted", N: uint8(i)}, n)
		}
	}
}

// oldSnapshot is the newest snapshot that truncation takes to be W old; 0: none.
func (m *Model) oldSnapshot(s *state) int {
	for i := m.Slots; i > 0; i-- {
		if s.snap[i] == 0 {
			continue
		}
		if age := int(s.snap[i]) - 1; age+m.Skew >= m.W || m.without == SnapshotAge {
			return i
		}
	}
	return 0
}
