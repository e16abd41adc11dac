package meta

import (
	"fmt"

	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// State is the fold of the journal. Fork is O(1); what has been forked or published never changes again.
type State struct {
	Slot   base.Slot   // the last entry that was applied
	Time   base.Millis // the state's clock: it only moves forward
	Log    *log.State
	Groups *group.State
	Admin  *admin.State

	sessions btree.Map[uint32, *session]
	edit     *edit
	digest   uint64
}

// View is a State as the rest of the agent sees it: published, and read only.
type View = *State

type edit struct{ _ byte }

// New is the state before the first entry.
func New() *State {
	return &State{Log: log.New(), Groups: group.New(), Admin: admin.New(), edit: new(edit)}
}

// Fork gives a state that is equal. Neither it nor the receiver sees what is applied to the other afterwards.
func (s *State) Fork() *State {
	f := *s
	s.edit = new(edit)
	f.edit = new(edit)
	f.Log, f.Groups, f.Admin = s.Log.Fork(), s.Groups.Fork(), s.Admin.Fork()
	f.sessions = *s.sessions.Copy()
	return &f
}

// Begin moves the state to an entry, before its outcomes are applied: its slot and its time. The clock does not go
// back: an entry whose writer's clock lags counts at the state's time.
func (s *State) Begin(slot base.Slot, at base.Millis) {
	s.Slot = slot
	if plant.LeftOut(plant.TimeForward) {
		s.Time = at
	}
	s.Time = max(s.Time, at)
	s.Log.Begin(slot)
}

// Apply changes the state by one decided command. An error means that journal and code disagree: the state is not to
// be used any more.
func (s *State) Apply(o *Outcome) error {
	for _, e := range o.Events {
		if err := s.applyEvent(e); err != nil {
			return fmt.Errorf("slot %d: %w", s.Slot, err)
		}
	}
	if o.From != 0 {
		return s.keep(o)
	}
	return nil
}

func (s *State) applyEvent(e Event) error {
	switch tag := e.Tag(); {
	case tag < 64:
		return s.Log.Apply(e.(log.Event))
	case tag < 128:
		return s.Groups.Apply(e.(group.Event))
	}
	switch e := e.(type) {
	case *admin.Registered:
		s.sessions.Set(uint32(e.Incarnation), &session{edit: s.edit, next: 1})
	case *admin.Gone:
		s.sessions.Delete(uint32(e.Incarnation))
	}
	return s.Admin.Apply(e.(admin.Event))
}

// note folds what becomes of sessions into the digest.
func (s *State) note(values ...uint64) {
	for _, v := range values {
		s.digest = (s.digest ^ v ^ 0x9E3779B97F4A7C15) * 0xFF51AFD7ED558CCD
		s.digest ^= s.digest >> 32
	}
}

// Digest stands for the whole state: replicas that applied the same entries agree on it.
func (s *State) Digest() uint64 {
	h := s.digest
	for _, v := range [...]uint64{s.Log.Digest(), s.Groups.Digest(), s.Admin.Digest(), uint64(s.Slot), uint64(s.Time)} {
		h = (h ^ v) * 0xFF51AFD7ED558CCD
		h ^= h >> 32
	}
	return h
}

// Check holds the state against the invariants of all rooms. It walks everything.
func (s *State) Check() error {
	if err := s.Log.Check(); err != nil {
		return err
	}
	if n := s.Log.NewestRide(); n > s.Slot {
		return fmt.Errorf("meta: a file rides in slot %d, the state is that after slot %d", n, s.Slot)
	}
	if err := s.Groups.Check(); err != nil {
		return err
	}
	if err := s.Admin.Check(); err != nil {
		return err
	}
	return s.checkSessions()
}
