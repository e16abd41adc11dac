package meta

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// session remembers what an incarnation's commands came to, so that each happens exactly once whoever writes it down:
// a command is taken only as the next number, and a repeat gets its first verdict.
type session struct {
	edit  *edit
	next  uint64     // number of the next command
	first uint64     // number of kept[0]
	kept  []*Verdict // verdicts first … next-1, which the sender may not have yet
}

// maxKept bounds the verdicts kept for one incarnation: twice the commands that an agent has under way at most. One whose
// watermark stands still that long gets no further command in.
const maxKept = 1 << 17

// Session tells the number that incarnation i's next command must bear; false when i has no session.
func (s *State) Session(i base.Incarnation) (next uint64, ok bool) {
	x, ok := s.sessions.Get(uint32(i))
	if !ok {
		return 0, false
	}
	return x.next, true
}

// Verdict gives the verdict on a command that was decided; nil when it was not, or is not kept any more.
func (s *State) Verdict(i base.Incarnation, number uint64) *Verdict {
	x, ok := s.sessions.Get(uint32(i))
	if !ok || number < x.first || number-x.first >= uint64(len(x.kept)) {
		return nil // an unused session keeps none, and number 0 is no command's
	}
	return x.kept[number-x.first]
}

// keep notes that a command was decided, and lets go of what the sender has.
func (s *State) keep(o *Outcome) error {
	s.note(uint64(o.From)<<32|uint64(o.Verdict.Kind())&0xFFFF, o.Number, o.Watermark)
	x, ok := s.sessions.Get(uint32(o.From))
	if !ok {
		return nil // the command ended its own session
	}
	if plant.LeftOut(plant.ExactlyOnce) && o.Number < x.next {
		return nil
	}
	if o.Number != x.next {
		return fmt.Errorf("slot %d: meta: command %d of incarnation %d, the next is %d", s.Slot, o.Number, o.From, x.next)
	}
	s.Admin.Seen(o.From, s.Time)
	if x.edit != s.edit {
		n := &session{edit: s.edit, next: x.next, first: x.first}
		n.kept = append(make([]*Verdict, 0, len(x.kept)+1), x.kept...)
		s.sessions.Set(uint32(o.From), n)
		x = n
	}
	if len(x.kept) == 0 {
		x.first = o.Number
	}
	x.kept = append(x.kept, o.Verdict)
	x.next = o.Number + 1
	if o.Watermark >= x.first {
		drop := min(o.Watermark-x.first+1, uint64(len(x.kept)-1)) // its own verdict it cannot have
		x.kept = x.kept[drop:]
		x.first += drop
	}
	return nil
}

// full reports whether no further command of x may be decided until its sender has taken note of verdicts.
func (x *session) full(watermark uint64) bool {
	return len(x.kept) >= maxKept && watermark < x.first
}

func (s *State) checkSessions() error {
	var err error
	s.sessions.Scan(func(i uint32, x *session) bool {
		fits := x.next >= 1 && (len(x.kept) == 0 && x.next == 1 || x.first >= 1 && x.first+uint64(len(x.kept)) == x.next && len(x.kept) > 0)
		if !s.Admin.Live(base.Incarnation(i)) || !fits {
			err = fmt.Errorf("meta: session of incarnation %d: next %d, %d verdicts kept from %d, registered %t",
				i, x.next, len(x.kept), x.first, s.Admin.Live(base.Incarnation(i)))
		}
		return err == nil
	})
	if err == nil && s.sessions.Len() != len(s.Admin.Agents()) {
		err = fmt.Errorf("meta: %d sessions of %d agents", s.sessions.Len(), len(s.Admin.Agents()))
	}
	return err
}
