package riders

import (
	"math/bits"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// sweep is one step of a truncation: it goes by a state that may be behind, then finds a snapshot that is W old, then deletes.
func (m *Model) sweep(s state, i int, emit func(explore.Step, state)) {
	w := &s.sweepers[i]
	switch {
	case w.busy == 0:
		for by := uint8(1); by <= s.end; by++ {
			n := s
			n.sweepers[i] = sweeper{busy: 1, by: by}
			emit(explore.Step{Text: "sweeper {who} goes by the state after slot {n}", Who: uint8(i), N: by}, n)
		}
	case w.upTo == 0:
		if w.upTo = min(s.covers, m.keep(&s, w.by)-1); w.upTo == 0 {
			*w = sweeper{}
		}
		emit(explore.Step{Text: "sweeper {who} finds slots up to {n} to be of no use", Who: uint8(i), N: w.upTo}, s)
	default:
		m.delete(s, i, emit)
	}
}

// keep is the first slot that stays.
func (m *Model) keep(s *state, by uint8) uint8 {
	first := uint8(maxSlots + 1)
	if riding := s.riding(by); riding != 0 && m.without != Spared {
		first = uint8(bits.TrailingZeros8(uint8(riding)))
	}
	if m.without != OwnSlots {
		first = min(first, by+1)
	}
	return first
}

func (m *Model) delete(s state, i int, emit func(explore.Step, state)) {
	upTo := s.sweepers[i].upTo
	for n := uint8(1); n <= upTo; n++ {
		if s.slots&of(n) != 0 {
			next := s
			next.slots &^= of(n)
			emit(explore.Step{Text: "sweeper {who} deletes slot {n}", Who: uint8(i), N: n}, next)
		}
	}
	s.sweepers[i] = sweeper{}
	emit(explore.Step{Text: "sweeper {who} is done", Who: uint8(i)}, s)
}
