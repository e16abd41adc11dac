package parts

import "github.com/millrace-io/millrace/sim/model/explore"

// make is one step of a snapshot's making.
func (m *Model) make(s state, i int, emit func(explore.Step, state)) {
	k := &s.makers[i]
	switch k.phase {
	case idle:
		if s.newest() == uint8(m.Snapshots) {
			return
		}
		m.load(s, i, emit)
		k.phase, k.left = dated, uint8(m.Half)+1
		emit(explore.Step{Text: "maker {who} takes the time", Who: uint8(i)}, s)
	case dated:
		m.begin(s, i, emit)
	case ready:
		m.land(s, i, emit)
	}
}

// load takes a snapshot that is there for the prior one of the next.
func (m *Model) load(s state, i int, emit func(explore.Step, state)) {
	for n := 1; n <= m.Snapshots; n++ {
		x := s.snapshots[n]
		if x.there == 0 || s.makers[i].base == uint8(n) || s.parts[x.part-1].there == 0 {
			continue
		}
		next := s
		next.makers[i].base = uint8(n)
		emit(explore.Step{Text: "maker {who} loads snapshot {n}", Who: uint8(i), N: uint8(n)}, next)
	}
}

// begin lists the snapshots, and chooses a slot after all of them and where the part comes from.
func (m *Model) begin(s state, i int, emit func(explore.Step, state)) {
	for slot := max(s.newest(), s.makers[i].base) + 1; int(slot) <= m.Snapshots; slot++ {
		n := s
		k := &n.makers[i]
		k.phase, k.slot = ready, slot
		m.upload(n, i, emit)
		m.takeOver(n, i, emit)
	}
}

// newest is the newest snapshot there is; 0: none.
func (s *state) newest() (newest uint8) {
	for n, x := range s.snapshots {
		if x.there != 0 {
			newest = uint8(n)
		}
	}
	return newest
}

// upload writes a part anew.
func (m *Model) upload(s state, i int, emit func(explore.Step, state)) {
	k := &s.makers[i]
	k.part = m.own(i, k.slot)
	if o := &s.parts[k.part-1]; o.there == 0 {
		*o = object{there: 1}
	}
	emit(explore.Step{Text: "maker {who} lists, and uploads {what} for snapshot {n}", Who: uint8(i), N: k.slot, What: uint16(k.part)}, s)
}

// own is the part that maker i uploads for a slot. If names said what is in a part, and no more, they would come again
// whenever the state does: here every other snapshot has the same.
func (m *Model) own(i int, slot uint8) partID {
	if m.without == NamesNew {
		return partID(1 + slot%2)
	}
	return partID(1 + int(slot-1)*maxMakers + i)
}

// takeOver refers to the part of the prior snapshot. That one must still be listed, and in time; and the deadline counts
// from the first snapshot after it, if that is older than the Date.
func (m *Model) takeOver(s state, i int, emit func(explore.Step, state)) {
	k := &s.makers[i]
	base := s.snapshots[k.base]
	if k.base == 0 || base.there == 0 || base.late != 0 && m.without != BaseInTime {
		return
	}
	for n := k.base + 1; n < k.slot && m.without != Successors; n++ {
		if x := s.snapshots[n]; x.there != 0 {
			k.left = min(k.left, uint8(max(0, m.Half+1-int(x.age))))
		}
	}
	if k.left == 0 {
		return
	}
	k.part = base.part
	emit(explore.Step{Text: "maker {who} lists, and takes over {what} for snapshot {n}", Who: uint8(i), N: k.slot, What: uint16(k.part)}, s)
}

// land: the bucket creates the manifest, if the slot has none.
func (m *Model) land(s state, i int, emit func(explore.Step, state)) {
	k := s.makers[i]
	s.makers[i] = maker{base: k.slot}
	step := explore.Step{Text: "the bucket creates manifest {n}, with {what}", N: k.slot, What: uint16(k.part)}
	if s.snapshots[k.slot].there != 0 {
		step.Text = "the bucket has manifest {n} already"
		emit(step, s)
		return
	}
	x := snapshot{object: object{there: 1}, part: k.part}
	if k.left == 0 && m.without != DeadlineHolds {
		x.late = 1
		step.Text += ", late"
	}
	s.snapshots[k.slot] = x
	emit(step, s)
}
