package session

import "github.com/millrace-io/millrace/sim/model/explore"

// crash: another process starts. What the old one sent is still under way.
func (m *Model) crash(s state, i int, emit func(explore.Step, state)) {
	if int(s.crashes) == m.Crashes {
		return
	}
	s.crashes++
	s.agents[i] = agent{life: s.agents[i].life + 1}
	emit(explore.Step{Text: "agent {who} crashes, and starts again", Who: uint8(i)}, s)
}

// register: a process that bears no incarnation asks for one. A nonce that is registered already is not registered again.
func (m *Model) register(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	f := s.fold(a.at)
	own := nonce{uint8(i), a.life}
	if a.bears != 0 || f.find(own) != 0 {
		return
	}
	issue := f.issued + 1
	if m.without == NumbersNew {
		for issue = 1; f.live[issue]; issue++ {
		}
	}
	if issue <= maxIssued {
		m.launch(s, event{kind: register, nonce: own, incarnation: issue}, explore.Step{Text: "agent {who} sends its registration", Who: uint8(i)}, emit)
	}
}

// find gives the live incarnation of a nonce; 0: none.
func (f *sessions) find(n nonce) uint8 {
	for i := uint8(1); i <= f.issued; i++ {
		if f.live[i] && f.bearer[i] == n {
			return i
		}
	}
	return 0
}

// number: a client sends its command, and the agent gives it a number. From then on any agent may write it down.
func (m *Model) number(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	if a.bears == 0 {
		return
	}
	for c, home := range m.Homes {
		if home == i && s.sent[c] == (key{}) {
			a.numbers++
			s.sent[c], s.marks[c] = key{a.bears, a.numbers}, m.watermark(&s, i)
			emit(explore.Step{Text: "agent {who} numbers and forwards c{n}", Who: uint8(i), N: uint8(c)}, s)
			return
		}
	}
}

// watermark is the number up to which the agent has the verdicts on its commands.
func (m *Model) watermark(s *state, i int) uint8 {
	a := s.agents[i]
	if m.without == Watermark {
		return a.numbers - 1 // all that it has sent
	}
	mark := a.numbers
	for c, home := range m.Homes {
		if k := s.sent[c]; home == i && k.incarnation == a.bears && s.told[c] == 0 {
			mark = min(mark, k.number-1)
		}
	}
	return min(mark, a.numbers-1)
}

// write: an agent writes down a command, its own or a forwarded one.
func (m *Model) write(s state, i int, emit func(explore.Step, state)) {
	f := s.fold(s.agents[i].at)
	for c, k := range s.sent {
		if k != (key{}) && m.isNew(&f, k) {
			m.launch(s, event{kind: command, key: k, command: uint8(c), watermark: s.marks[c]}, explore.Step{Text: "agent {who} sends an entry with c{n}", Who: uint8(i), N: uint8(c)}, emit)
		}
	}
}

// isNew decides whether a command is to be decided: as the next of a session that is live.
func (m *Model) isNew(f *sessions, k key) bool {
	next := f.next[k.incarnation]
	switch {
	case !f.live[k.incarnation]:
		// The table is gone with the session: whoever does not refuse such a command takes it for a session's first.
		return m.without == GoneRefused
	case k.number < next:
		return m.without == TableAnswers
	case k.number > next:
		return m.without == GapRefused
	}
	return true
}

// expire: an agent proposes that another one is expired, as far as it knows one: it broke its promise, or so it seems.
func (m *Model) expire(s state, i int, emit func(explore.Step, state)) {
	f := s.fold(s.agents[i].at)
	if int(s.expired) == m.Expired {
		return
	}
	s.expired++
	for x := uint8(1); x <= f.issued; x++ {
		if f.live[x] && x != s.agents[i].bears {
			m.launch(s, event{kind: expire, incarnation: x}, explore.Step{Text: "agent {who} sends the expiry of incarnation {n}", Who: uint8(i), N: x}, emit)
		}
	}
}

// read applies the next entry.
func (m *Model) read(s state, i int, emit func(explore.Step, state)) {
	if a := &s.agents[i]; a.at < s.length {
		a.at++
		m.settle(&s, i, false)
		emit(explore.Step{Text: "agent {who} applies entry {n}", Who: uint8(i), N: a.at}, s)
	}
}

// load jumps to a snapshot of the whole log: the agent sees the state, and nothing of what led to it.
func (m *Model) load(s state, i int, emit func(explore.Step, state)) {
	if a := &s.agents[i]; a.at+1 < s.length {
		a.at = s.length
		m.settle(&s, i, true)
		emit(explore.Step{Text: "agent {who} loads a snapshot after entry {n}", Who: uint8(i), N: a.at}, s)
	}
}

// settle looks the agent up in its new state: it may have got its incarnation, its commands their replies, from the entry
// just read or from the table; or it is expired, and then nothing is known of the others, and it starts anew.
func (m *Model) settle(s *state, i int, jumped bool) {
	a := &s.agents[i]
	f := s.fold(a.at)
	if a.bears == 0 {
		a.bears = m.ownIncarnation(&f, i, a.life)
		return
	}
	live := f.live[a.bears]
	for c, home := range m.Homes {
		if s.sent[c].incarnation != a.bears || home != i || s.told[c] != 0 {
			continue
		}
		switch {
		case s.isKept(s.sent[c], a.at) || !jumped && s.log[a.at-1].key == s.sent[c]:
			s.told[c] = done
		case !live && m.without == UnknownTold:
			s.told[c] = failed
		case !live:
			s.told[c] = unknown
		}
	}
	if !live && m.without != GoneIsFatal {
		*a = agent{at: a.at, life: a.life + 1}
	}
}

// ownIncarnation finds the process's registration.
func (m *Model) ownIncarnation(f *sessions, i int, life uint8) uint8 {
	if m.without == NonceTells {
		for x := uint8(1); x <= f.issued; x++ {
			if f.live[x] && int(f.bearer[x].agent) == i {
				return x
			}
		}
		return 0
	}
	return f.find(nonce{uint8(i), life})
}
