package group

import (
	"fmt"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
)

// Check verifies the invariants of the state as they hold after each command; the error names the first that does not.
func (s *State) Check() error {
	var due, tended int
	for g := range s.Groups() {
		if err := g.check(); err != nil {
			return err
		}
		if g.Deadline >= 0 {
			due++
			if _, ok := s.due.Get(dueKey(g.Deadline, g.Name)); !ok {
				return broken(g, "its deadline is not in the index")
			}
		}
		tended += len(g.tenders)
		for _, t := range g.tenders {
			if _, ok := s.tended.Get(tendedKey(t, g.Name)); !ok {
				return broken(g, fmt.Sprintf("tender %d is not in the index", t))
			}
		}
	}
	if due != s.due.Len() || tended != s.tended.Len() {
		return base.Errorf(base.CorruptMessage, "groups: indexes have %d deadlines and %d tenders, groups %d and %d",
			s.due.Len(), s.tended.Len(), due, tended)
	}
	return nil
}

func broken(g *Group, what string) error {
	return base.Errorf(base.CorruptMessage, "group %q in state %v, generation %d: invariant broken: %s",
		g.Name, g.Phase, g.Generation, what)
}

func (g *Group) check() error {
	if err := g.checkPhase(); err != nil {
		return err
	}
	instances := map[string]bool{}
	for i, m := range g.members {
		switch {
		case m.ID == "" || i > 0 && g.members[i-1].ID >= m.ID:
			return broken(g, "members are not in the order of their ids")
		case m.InstanceID != nil && instances[*m.InstanceID]:
			return broken(g, "two members have the instance id "+*m.InstanceID)
		case m.Joined && g.Phase != Preparing:
			return broken(g, m.ID+" has joined a round that is not held")
		case m.New && g.Phase != Preparing:
			return broken(g, m.ID+" is new, but in a generation")
		}
		if m.InstanceID != nil {
			instances[*m.InstanceID] = true
		}
	}
	if !slices.Equal(g.tenders, tendersOf(g.members)) {
		return broken(g, "its list of tenders is not that of its members")
	}
	return g.checkOffsets()
}

func (g *Group) checkPhase() error {
	empty := len(g.members) == 0
	inGeneration := g.Phase == Completing || g.Phase == Stable
	switch {
	case g.Phase >= Dead:
		return broken(g, "no such state")
	case g.Phase == Empty && !empty:
		return broken(g, "empty with members")
	case inGeneration && empty:
		return broken(g, "in a generation without members")
	case empty != (g.Leader == "") || !empty && g.Member(g.Leader) == nil:
		return broken(g, "its leader is no member")
	case !empty && g.ProtocolType == nil || inGeneration && g.Protocol == nil || g.Phase == Empty && g.Protocol != nil:
		return broken(g, "protocol and state disagree")
	case inGeneration && !g.common([]Protocol{{Name: *g.Protocol}})[*g.Protocol]:
		return broken(g, "a member does not support "+*g.Protocol)
	case g.Generation < 0 || inGeneration && g.Generation == 0:
		return broken(g, "no such generation")
	}
	return g.checkDeadline()
}

func (g *Group) checkDeadline() error {
	due := g.Phase == Preparing || g.Phase == Completing || g.Phase == Stable && !g.allSynced()
	switch {
	case g.Deadline < noDeadline || due != (g.Deadline >= 0):
		return broken(g, "deadline and state disagree")
	case g.initial && g.Phase != Preparing || g.joinedSince && !g.initial:
		return broken(g, "initial delay outside the first round")
	case g.initial != (g.remaining >= 0):
		return broken(g, "initial delay without a rest")
	case g.Phase == Preparing && !g.initial && g.allJoined():
		return broken(g, "all have joined and the round goes on")
	}
	return nil
}

func (g *Group) checkOffsets() error {
	for o := range g.Offsets() {
		if o.Partition < 0 || o.Topic.IsZero() {
			return broken(g, fmt.Sprintf("offset of partition %v/%d", o.Topic, o.Partition))
		}
	}
	return nil
}
