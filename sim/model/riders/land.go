package riders

import "github.com/millrace-io/millrace/sim/model/explore"

// land is one step of a lander: it chooses what rides by some state that was, uploads, and has its entry decided by the newest.
func (m *Model) land(s state, i int, emit func(explore.Step, state)) {
	l := &s.landers[i]
	switch {
	case l.phase == idle:
		m.choose(s, i, emit)
	case l.phase == chosen:
		if l.there == 0 && l.old == 0 {
			n := s
			n.landers[i].there = 1
			emit(explore.Step{Text: "lander {who} uploads its file", Who: uint8(i)}, n)
		}
		m.decide(s, i, emit)
	}
}

func (m *Model) choose(s state, i int, emit func(explore.Step, state)) {
	for by := uint8(1); by <= s.end; by++ {
		riders := s.riding(by) & s.slots // of what is gone it has no bytes
		if riders == 0 {
			continue
		}
		n := s
		n.landers[i].phase, n.landers[i].riders = chosen, riders
		emit(explore.Step{Text: "lander {who} takes what rides after slot {n}", Who: uint8(i), N: by}, n)
	}
}

// decide adds the entry, in which what rides no more is left out.
func (m *Model) decide(s state, i int, emit func(explore.Step, state)) {
	l := &s.landers[i]
	riders := l.riders
	if m.without != StillRides {
		riders &= s.riding(s.end)
	}
	refused := l.there == 0 && m.without != Uploaded || l.old != 0 && m.without != InTime
	if refused || riders == 0 || int(s.end) == m.Slots {
		return
	}
	l.phase = landed
	s.add(entry{kind: lands, who: uint8(i), riders: riders})
	emit(explore.Step{Text: "lander {who} lands what it took, in slot {n}", Who: uint8(i), N: s.end}, s)
}

// sweepFile is what becomes of a file that nothing refers to: of one that no entry names and that is old, and of one of which all
// that landed in it was deleted. What was decided is done at any time later.
func (m *Model) sweepFile(s state, i int, emit func(explore.Step, state)) {
	l := &s.landers[i]
	if l.there == 0 {
		return
	}
	if l.old == 0 {
		n := s
		n.landers[i].old = 1
		emit(explore.Step{Text: "time passes: the file of lander {who} is old", Who: uint8(i)}, n)
	}
	if l.doomed != 0 {
		n := s
		n.landers[i].there = 0
		emit(explore.Step{Text: "the file of lander {who} is deleted", Who: uint8(i)}, n)
		return
	}
	if orphan := l.phase != landed && l.old != 0; orphan || l.phase == landed && m.emptied(&s, i) {
		l.doomed = 1
		emit(explore.Step{Text: "the file of lander {who} is found to be of no use", Who: uint8(i)}, s)
	}
}

// emptied reports whether what landed in a file was deleted: all of it.
func (m *Model) emptied(s *state, i int) bool {
	fates, _ := s.after(s.end)
	left, gone := 0, 0
	for r, f := range fates {
		switch {
		case f.kind == lands && int(f.in) == i:
			left++
		case f.kind == trims && s.landers[i].riders&(1<<r) != 0:
			gone++
		}
	}
	return left == 0 || gone > 0 && m.without == References
}
