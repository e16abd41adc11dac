package group

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/tidwall/btree"
)

// token marks what a State may change in place. It has a size, so that no two are equal.
type token struct{ _ byte }

// State holds all groups. One goroutine forks and applies; a State that has been forked is never changed again, and may
// then be read from any goroutine.
type State struct {
	edit   *token
	groups *btree.Map[string, *Group]
	// due has a key for every group with a deadline: 8 bytes of it, big-endian, and the name. tended has one for every
	// tender and group: 4 bytes of the tender and the name.
	due    *btree.Map[string, struct{}]
	tended *btree.Map[string, struct{}]
	digest uint64
}

// New gives a State without groups.
func New() *State {
	return &State{
		edit:   new(token),
		groups: btree.NewMap[string, *Group](0),
		due:    btree.NewMap[string, struct{}](0),
		tended: btree.NewMap[string, struct{}](0),
	}
}

// Fork gives a State equal to s, in O(1), that shares its structure. s must not be changed any more.
func (s *State) Fork() *State {
	return &State{
		edit:   new(token),
		groups: s.groups.Copy(),
		due:    s.due.Copy(),
		tended: s.tended.Copy(),
		digest: s.digest,
	}
}

// Get gives a group, or nil.
func (s *State) Get(name string) *Group {
	g, _ := s.groups.Get(name)
	return g
}

// Len is the number of groups.
func (s *State) Len() int { return s.groups.Len() }

// Groups gives all groups by name.
func (s *State) Groups() iter.Seq[*Group] {
	return func(yield func(*Group) bool) {
		s.groups.Scan(func(_ string, g *Group) bool { return yield(g) })
	}
}

// Due gives the groups with a deadline, the earliest first.
func (s *State) Due() iter.Seq[*Group] {
	return func(yield func(*Group) bool) {
		s.due.Scan(func(key string, _ struct{}) bool { return yield(s.Get(key[8:])) })
	}
}

// TendedBy gives the groups, by name, that have a member whose tender is t.
func (s *State) TendedBy(t base.Incarnation) iter.Seq[*Group] {
	return func(yield func(*Group) bool) {
		prefix := tendedKey(t, "")
		s.tended.Ascend(prefix, func(key string, _ struct{}) bool {
			return key[:4] == prefix && yield(s.Get(key[4:]))
		})
	}
}

// Tenders gives every incarnation that is a member's tender, ascending.
func (s *State) Tenders() iter.Seq[base.Incarnation] {
	return func(yield func(base.Incarnation) bool) {
		next := uint64(0)
		for next>>32 == 0 {
			var found bool
			s.tended.Ascend(tendedKey(base.Incarnation(next), ""), func(key string, _ struct{}) bool {
				next, found = uint64(binary.BigEndian.Uint32([]byte(key[:4]))), true
				return false
			})
			if !found || !yield(base.Incarnation(next)) {
				return
			}
			next++
		}
	}
}

// Digest is a hash over all that was applied and what came of it, in order.
func (s *State) Digest() uint64 { return s.digest }

// Apply folds an event into the state; it keeps no memory of the event's. An error means that the event does not fit
// the state, so that journal and state are not of one history; the state is then unchanged.
func (s *State) Apply(ev Event) error {
	switch e := ev.(type) {
	case *TopicForgotten:
		s.forget(e.Topic)
		s.note(ev, nil)
		return nil
	case groupEvent:
		return s.applyTo(e)
	}
	return base.Errorf(base.UnsupportedVersion, "group: event tag %d is not known to this version", ev.Tag())
}

func (s *State) applyTo(e groupEvent) error {
	name := e.group()
	old := s.Get(name)
	at, founds := founding(e)
	if old == nil && !founds {
		return base.Errorf(base.CorruptMessage, "group %q: event tag %d for a group that does not exist", name, e.Tag())
	}
	if _, ok := e.(*GroupDeleted); ok {
		s.reindex(name, old, nil)
		s.groups.Delete(name)
		s.note(e, nil)
		return nil
	}
	// A copy of the header keeps what the indexes need of the old value; the slices in it are replaced, not changed.
	g, before := old, Group{Deadline: -1}
	if old == nil {
		g = newGroup(name, s.edit)
		g.Since = at
	} else {
		before = *old
		g = old.editable(s.edit)
	}
	if err := e.apply(g, s.edit); err != nil {
		return err
	}
	if g != old {
		s.groups.Set(name, g)
	}
	s.reindex(name, &before, g)
	s.note(e, g)
	return nil
}

// founding reports whether an event makes the group it names if there is none, and when.
func founding(e groupEvent) (at base.Millis, ok bool) {
	switch e := e.(type) {
	case *MemberPut:
		return e.At, true
	case *OffsetsCommitted:
		return e.At, true
	}
	return 0, false
}

func (s *State) forget(topic base.TopicID) {
	var holders []*Group
	s.groups.Scan(func(_ string, g *Group) bool {
		if len(g.places(topic)) != 0 {
			holders = append(holders, g)
		}
		return true
	})
	for _, g := range holders {
		places := g.places(topic)
		g = g.editable(s.edit)
		g.removeOffsets(places, s.edit)
		s.groups.Set(g.Name, g)
	}
}

// reindex brings due and tended from the old value of a group to the new one.
func (s *State) reindex(name string, old, g *Group) {
	if g == nil {
		g = &Group{Deadline: -1}
	}
	if old.Deadline != g.Deadline {
		if old.Deadline >= 0 {
			s.due.Delete(dueKey(old.Deadline, name))
		}
		if g.Deadline >= 0 {
			s.due.Set(dueKey(g.Deadline, name), struct{}{})
		}
	}
	for _, t := range old.tenders {
		if !slices.Contains(g.tenders, t) {
			s.tended.Delete(tendedKey(t, name))
		}
	}
	for _, t := range g.tenders {
		if !slices.Contains(old.tenders, t) {
			s.tended.Set(tendedKey(t, name), struct{}{})
		}
	}
}

func dueKey(at base.Millis, name string) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(at))) + name
}

func tendedKey(t base.Incarnation, name string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(t))) + name
}

// note mixes an event and what has become of its group into the digest.
func (s *State) note(ev Event, g *Group) {
	var w codec.Writer
	w.Uint8(ev.Tag())
	ev.Encode(&w)
	if g != nil {
		w.Uint8(uint8(g.Phase))
		w.Varint(int64(g.Generation))
		w.Varint(int64(g.Deadline))
		w.String(g.Leader)
		w.Uvarint(uint64(len(g.members)))
		w.Uvarint(uint64(g.OffsetCount()))
	}
	sum := uint64(crc32c.Of(w.B)) | uint64(len(w.B))<<32
	s.digest = bits.RotateLeft64((s.digest^sum)*0x9e3779b97f4a7c15, 29)
}
