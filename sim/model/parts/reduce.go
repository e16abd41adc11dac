package parts

// reduce forgets what makes no difference any more, so that states that differ in nothing else are one.
func (m *Model) reduce(s *state) {
	var bases uint8
	var used uint16
	for i := range s.makers {
		k := &s.makers[i]
		if s.snapshots[k.base].there == 0 {
			k.base = 0 // nothing is taken over from it
		}
		bases |= 1 << k.base
		if k.part != 0 {
			used |= 1 << (k.part - 1)
		}
	}
	for n := range s.snapshots {
		x := &s.snapshots[n]
		if x.there == 0 && bases&(1<<n) == 0 {
			*x = snapshot{}
		}
		if x.part != 0 {
			used |= 1 << (x.part - 1)
		}
	}
	for p := range s.parts {
		if used&(1<<p) == 0 && m.without != NamesNew {
			s.parts[p] = object{} // nobody will look at it
		}
	}
	for i := range s.sweepers {
		m.reduceSweeper(s, &s.sweepers[i])
	}
}

// reduceSweeper: what is gone needs not be deleted.
func (m *Model) reduceSweeper(s *state, w *sweeper) {
	for p, o := range s.parts {
		if o.there == 0 && m.without != NamesNew {
			w.parts &^= 1 << p
			w.oldParts &^= 1 << p
		}
	}
	for n, x := range s.snapshots {
		if x.there == 0 {
			w.snapshots &^= 1 << n
			w.old &^= 1 << n
		}
	}
	if w.phase == ready && w.snapshots == 0 && w.parts == 0 {
		*w = sweeper{}
	}
}
