package member

import "github.com/millrace-io/millrace/sim/model/explore"

// sleep: an agent falls asleep, or wakes up. One that slept while time passed has heard nothing, and knows why.
func (m *Model) sleep(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	if a.asleep == awake {
		a.asleep = napping
		emit(explore.Step{Text: "{who} falls asleep", Who: uint8(i)}, s)
		return
	}
	if a.asleep == stalled && m.without != StalledGrants {
		a.quiet = 0
	}
	a.asleep = awake
	emit(explore.Step{Text: "{who} wakes up", Who: uint8(i)}, s)
}

// read applies the next entry.
func (m *Model) read(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	e := s.log[a.at]
	a.at++
	if e == (entry{adopt, s.self(i)}) && m.without != FullSession {
		a.quiet = 0
	}
	emit(explore.Step{Text: "{who} applies entry {n}", Who: uint8(i), N: a.at}, s)
}

// register: an agent that finds itself expired starts anew.
func (m *Model) register(s state, i int, emit func(explore.Step, state)) {
	v := s.fold(s.length)
	if v.isLive(s.self(i)) {
		return
	}
	s.agents[i].life++
	m.append(&s, register, s.self(i))
	emit(explore.Step{Text: "{who} registers anew", Who: uint8(i)}, s)
}

// expire: an agent expires another one, for no reason.
func (m *Model) expire(s state, i int, emit func(explore.Step, state)) {
	v := s.fold(s.length)
	if int(s.expired) == m.Expired || !v.isLive(s.self(i)) {
		return
	}
	s.expired++
	for k := range m.Agents {
		if k != i && v.life[k] != 0 {
			n := s
			m.append(&n, expire, incarnation{uint8(k), v.life[k]})
			emit(explore.Step{Text: "{who} expires agent {n}", Who: uint8(i), N: uint8(k)}, n)
		}
	}
}

// adopt: an agent takes over a member whose tender is expired.
func (m *Model) adopt(s state, i int, emit func(explore.Step, state)) {
	v := s.fold(s.length)
	if v.out || !v.isLive(s.self(i)) || v.tender == s.self(i) || v.isLive(v.tender) {
		return
	}
	m.append(&s, adopt, s.self(i))
	emit(explore.Step{Text: "{who} adopts the member", Who: uint8(i)}, s)
}

// expel: an agent has not heard the member for a session.
func (m *Model) expel(s state, i int, emit func(explore.Step, state)) {
	v := s.fold(s.length)
	if v.out || !v.isLive(s.self(i)) || int(s.agents[i].quiet) < m.Session || v.tender != s.self(i) && m.without != OnlyTender {
		return
	}
	m.append(&s, expel, s.self(i))
	if s.gone == 0 {
		s.broken = 1
	}
	emit(explore.Step{Text: "{who} ends the member's session", Who: uint8(i)}, s)
}
