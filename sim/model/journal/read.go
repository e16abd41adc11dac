package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// covered is rule R (b): a response's own Date lies between the anchor and anchor + W/2.
func (m *Model) covered(a *agent, age uint8) bool {
	if m.without == AnchorEnds {
		return true
	}
	half := uint8(m.Half)
	return !m.OnlyListings && a.anchor < m.tooOld && age <= half && a.anchor >= age && a.anchor-age <= half
}

// believable reports whether a sighting of the next slot may be believed without a listing.
func (m *Model) believable(a *agent, w sighting) bool {
	switch {
	case w.entry == absent && m.without == AbsenceUnderR,
		w.marks&heard != 0 && m.without == SuccessUnderR,
		w.entry != absent && w.marks&heard == 0 && m.without == ReadsUnderR:
		return true
	}
	return m.covered(a, w.age)
}

// look is one request of agent i that shows what slot n of the bucket holds now.
func (m *Model) look(s *state, i int, n uint8) sighting {
	w := sighting{entry: s.slot[n]}
	if m.serves(s, i) {
		w.marks |= asked
	}
	if s.agents[i].page != 0 {
		w.marks |= meanwhile
	}
	switch {
	case w.entry == nothing:
		w.entry = absent
		if s.first[n] != nothing {
			w.marks |= wrong
		}
	case s.again&(1<<n) != 0:
		w.marks |= wrong
	}
	return w
}

// read looks at the next slot. What cannot be believed at once waits for a listing.
func (m *Model) read(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	n := a.slot + 1
	if int(n) > m.Slots {
		return
	}
	w := m.look(&s, i, n)
	if w.entry == absent {
		m.probe(s, i, w, emit)
		return
	}
	a.saw[0] = w
	modified := s.age[n]
	if m.without == AnchorBelieved {
		a.offer(modified)
	}
	m.judge(&s, i, modified)
	step := explore.Step{Text: "{who} reads slot {n}: {what}", Who: uint8(i), N: n, What: uint16(w.entry)}
	if a.saw[0].entry != nothing {
		step.Text += "; it may not believe that without a listing"
	}
	emit(step, s)
}

// probe finds the next slot empty. If nobody waits to hear that it changes nothing, but for the listing that it may take;
// Check looks whether it is true.
func (m *Model) probe(s state, i int, w sighting, emit func(explore.Step, state)) {
	a := &s.agents[i]
	step := explore.Step{Text: "{who} finds slot {n} empty", Who: uint8(i), N: a.slot + 1}
	switch {
	case w.marks&asked != 0:
		a.saw[0] = w
		m.judge(&s, i, m.tooOld)
		emit(step, s)
	case m.without == ProbesBegunAfter && m.willAsk(&s):
		a.saw[0] = w
		step.Text = "{who} probes slot {n}: the answer is under way, and says that it is empty"
		emit(step, s)
	case !m.believable(a, w):
		m.list(s, i, emit)
	}
}

// hearProbe: the answer of a probe, begun before the request, is there.
func (m *Model) hearProbe(s state, i int, emit func(explore.Step, state)) {
	m.judge(&s, i, m.tooOld)
	emit(explore.Step{Text: "{who} hears of its probe", Who: uint8(i)}, s)
}

// readAhead looks at the slot after next.
func (m *Model) readAhead(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	n := a.slot + 2
	if !m.ReadAhead || int(n) > m.Slots || a.saw[1].entry != nothing || s.slot[n] == nothing {
		return
	}
	a.saw[1] = m.look(&s, i, n)
	emit(explore.Step{Text: "{who} reads slot {n} ahead: {what}", Who: uint8(i), N: n, What: uint16(a.saw[1].entry)}, s)
}

// hear brings the answer to the PUT of e, which was just done, to its writer; false: nobody waits for it.
func (m *Model) hear(s *state, e entryID) bool {
	i := int(m.entries[e].agent)
	a := &s.agents[i]
	for j := range maxDepth {
		if a.phase != running || a.sent[j] != e || a.saw[j].entry != nothing {
			continue
		}
		a.saw[j] = m.look(s, i, m.entries[e].slot)
		a.saw[j].marks |= heard
		if m.without == RepliesInOrder && j > 0 {
			m.tellAll(s, e)
		}
		m.judge(s, i, m.tooOld)
		return true
	}
	return false
}

// judge believes what may be believed, at once: an agent that does so later knows no more by then, and tells its clients
// later. modified is the age of the next slot's Last-Modified, if that was read just now.
func (m *Model) judge(s *state, i int, modified uint8) {
	for a := &s.agents[i]; a.page == 0 && a.saw[0].entry != nothing && m.believable(a, a.saw[0]); {
		m.believe(s, i, modified)
		modified = m.tooOld
	}
}

// believe takes what was seen of the next slot for true.
func (m *Model) believe(s *state, i int, modified uint8) {
	a := &s.agents[i]
	w := a.saw[0]
	if w.marks&wrong != 0 {
		s.broken = seenTrue
	}
	if w.entry != absent {
		m.advance(s, i, w, modified)
		return
	}
	a.saw[0] = sighting{}
	if w.marks&asked != 0 {
		m.sawEnd(s, i)
	}
}

// advance moves to the next slot, which holds w.
func (m *Model) advance(s *state, i int, w sighting, modified uint8) {
	a := &s.agents[i]
	e := w.entry
	if m.without == AttemptIDs && a.sent[0] != nothing && m.isOwn(a, i, e) {
		e = a.sent[0]
	}
	if m.without == VoidIsNot && m.isOwn(a, i, e) && !m.valid(a.chain, e) {
		m.tellAll(s, e)
	}
	a.slot++
	a.chain = m.extend(a.chain, e)
	copy(a.saw[:], a.saw[1:])
	a.saw[maxDepth-1] = sighting{}
	if m.without == AnchorCreated {
		modified = 0
	}
	a.offer(modified) // the second kind of anchor
	if a.sent[0] == e {
		a.offer(m.wonAnchor(a, w))
		if a.asked&1 != 0 {
			m.sawEnd(s, i)
		}
		a.shift()
	} else {
		a.drop()
	}
	s.noteBelief(m, a.slot)
	m.tell(s, i)
}

// wonAnchor is the age of the third kind of anchor: the Date before the slot's first PUT.
func (m *Model) wonAnchor(a *agent, w sighting) uint8 {
	if m.without == AnchorBeforePut {
		return w.age
	}
	return a.sentAge[0]
}

// offer proposes an anchor; the newest counts.
func (a *agent) offer(age uint8) { a.anchor = min(a.anchor, age) }

// shift: the first of the entries sent has its slot.
func (a *agent) shift() {
	copy(a.sent[:], a.sent[1:])
	copy(a.sentAge[:], a.sentAge[1:])
	a.sent[maxDepth-1], a.sentAge[maxDepth-1] = nothing, 0
	a.asked >>= 1
}

// drop gives up what was sent: the slot is lost, and what was sent behind it is void. It may arrive all the same.
func (a *agent) drop() {
	a.sent, a.sentAge, a.asked = [maxDepth]entryID{}, [maxDepth]uint8{}, 0
}

func (m *Model) isOwn(a *agent, i int, e entryID) bool {
	return int(m.entries[e].agent) == i && m.entries[e].life == a.life
}
