package parts

import "github.com/millrace-io/millrace/sim/model/explore"

// sweep is one step of a truncation.
func (m *Model) sweep(s state, i int, emit func(explore.Step, state)) {
	w := &s.sweepers[i]
	switch w.phase {
	case idle:
		m.takeDate(s, i, emit)
	case dated:
		m.plan(s, i, emit)
	case ready:
		m.delete(s, i, emit)
		*w = sweeper{}
		emit(explore.Step{Text: "sweeper {who} is done", Who: uint8(i)}, s)
	}
}

// takeDate: what is W old by now may go, if it is not needed.
func (m *Model) takeDate(s state, i int, emit func(explore.Step, state)) {
	w := &s.sweepers[i]
	w.phase = dated
	m.noteOld(&s, w)
	for n, x := range s.snapshots {
		if x.there != 0 && m.without == ListedAfter {
			w.listed |= 1 << n
		}
	}
	emit(explore.Step{Text: "sweeper {who} takes the time", Who: uint8(i)}, s)
}

func (m *Model) noteOld(s *state, w *sweeper) {
	for n, x := range s.snapshots {
		if x.there != 0 && int(x.age) == m.W {
			w.old |= 1 << n
		}
	}
	for p, o := range s.parts {
		if o.there != 0 && (int(o.age) == m.W || m.without == PartsOld) {
			w.oldParts |= 1 << p
		}
	}
}

// plan lists the snapshots and sees what is not needed: snapshots before the newest one that is old and in time, and old
// parts that none from that one on refers to.
func (m *Model) plan(s state, i int, emit func(explore.Step, state)) {
	w := &s.sweepers[i]
	step := explore.Step{Text: "sweeper {who} lists, and keeps what is from snapshot {n} on", Who: uint8(i)}
	listed := uint8(1<<len(s.snapshots) - 1)
	if m.without == ListedAfter {
		listed = w.listed
		m.noteOld(&s, w)
		step.Text = "sweeper {who} takes the time again, and keeps what is from snapshot {n} on of what was there before"
	}
	used := uint16(0)
	for n, x := range s.snapshots {
		if x.there != 0 && listed&w.old&(1<<n) != 0 && x.late == 0 {
			step.N = uint8(n)
		}
	}
	if step.N == 0 {
		return
	}
	w.phase, w.parts = ready, w.oldParts
	for n, x := range s.snapshots {
		switch {
		case x.there == 0 || listed&(1<<n) == 0:
		case n < int(step.N):
			w.snapshots |= 1 << n
		case n == int(step.N) || m.without != AllManifests:
			used |= 1 << (x.part - 1)
		}
	}
	w.parts &^= used
	w.old, w.oldParts, w.listed = 0, 0, 0
	emit(step, s)
}

// delete deletes one of what was planned.
func (m *Model) delete(s state, i int, emit func(explore.Step, state)) {
	w := s.sweepers[i]
	for n := range s.snapshots {
		if w.snapshots&(1<<n) != 0 {
			next := s
			next.sweepers[i].snapshots &^= 1 << n
			next.snapshots[n].object = object{}
			emit(explore.Step{Text: "sweeper {who} deletes snapshot {n}", Who: uint8(i), N: uint8(n)}, next)
		}
	}
	for p := range s.parts {
		if w.parts&(1<<p) != 0 {
			next := s
			next.sweepers[i].parts &^= 1 << p
			next.parts[p] = object{}
			emit(explore.Step{Text: "sweeper {who} deletes {what}", Who: uint8(i), What: uint16(p + 1)}, next)
		}
	}
}
