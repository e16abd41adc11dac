package riders

const (
	maxSlots    = 5
	maxLanders  = 2
	maxSweepers = 2
)

// set is bits by slot.
type set uint8

func of(slot uint8) set { return 1 << slot }

// state is all there is to know at one moment.
type state struct {
	end      uint8 // the last slot
	entries  [maxSlots + 1]entry
	slots    set   // that are in the bucket
	covers   uint8 // the newest snapshot that is W old
	landers  [maxLanders]lander
	sweepers [maxSweepers]sweeper
}

type kind uint8

const (
	none  kind = iota
	rides      // a segment rides in it
	trims      // the records of one rider are deleted
	lands      // riders land in the file of a lander
)

// entry is what everybody believes of a slot.
type entry struct {
	kind   kind
	who    uint8 // the rider, or the lander
	riders set   // that land
}

type phase uint8

const (
	idle phase = iota
	chosen
	landed // by an entry
)

// lander makes one file.
type lander struct {
	phase  phase
	riders set
	there  uint8 // 1: the file is in the bucket
	old    uint8 // 1: by its age it may be an orphan
	doomed uint8 // 1: a sweep has decided to delete it
}

// sweeper truncates.
type sweeper struct {
	busy uint8
	by   uint8 // the state it goes by is that after this slot
	upTo uint8 // it deletes these; 0: it has not seen a snapshot yet
}

// fate is what a state says of a rider.
type fate struct {
	kind kind // none: it is not there yet
	in   uint8
}

// after gives the state of all riders after a slot, and what was ever deleted.
func (s *state) after(slot uint8) (of [maxSlots + 1]fate, deleted set) {
	for n := uint8(1); n <= slot; n++ {
		switch e := s.entries[n]; e.kind {
		case rides:
			of[n] = fate{kind: rides}
		case trims:
			of[e.who] = fate{kind: trims}
			deleted |= 1 << e.who
		case lands:
			for r := uint8(1); r < n; r++ {
				if e.riders&(1<<r) != 0 {
					of[r] = fate{lands, e.who}
				}
			}
		}
	}
	return of, deleted
}

// riding gives what rides after a slot.
func (s *state) riding(slot uint8) (all set) {
	fates, _ := s.after(slot)
	for r, f := range fates {
		if f.kind == rides {
			all |= 1 << r
		}
	}
	return all
}
