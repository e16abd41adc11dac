package group

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// TestCheckFinds: each invariant, broken by hand, is found by Check.
func TestCheckFinds(t *testing.T) {
	instance, other := "s", "other"
	for name, harm := range map[string]func(s *State, g *Group){
		"phase":              func(_ *State, g *Group) { g.Phase = Dead },
		"empty with members": func(_ *State, g *Group) { g.Phase, g.Protocol = Empty, nil },
		"no members":         func(_ *State, g *Group) { g.members = nil },
		"leader":             func(_ *State, g *Group) { g.Leader = "nobody" },
		"protocol type":      func(_ *State, g *Group) { g.ProtocolType = nil },
		"protocol":           func(_ *State, g *Group) { g.Protocol = nil },
		"foreign protocol":   func(_ *State, g *Group) { g.Protocol = &other },
		"generation":         func(_ *State, g *Group) { g.Generation = 0 },
		"deadline":           func(_ *State, g *Group) { g.Deadline = noDeadline },
		"initial":            func(_ *State, g *Group) { g.initial = true },
		"rest":               func(_ *State, g *Group) { g.remaining = 1 },
		"order":              func(_ *State, g *Group) { g.members[0], g.members[1] = g.members[1], g.members[0] },
		"instances":          func(_ *State, g *Group) { g.members[0].InstanceID, g.members[1].InstanceID = &instance, &instance },
		"joined":             func(_ *State, g *Group) { g.members[0].Joined = true },
		"new":                func(_ *State, g *Group) { g.members[0].New = true },
		"tenders":            func(_ *State, g *Group) { g.members[0].Tender = 99 },
		"offset":             func(_ *State, g *Group) { g.offsets.Set(offsetKey(topicID("t"), -1), Offset{}) },
		"due":                func(s *State, g *Group) { s.due.Delete(dueKey(g.Deadline, g.Name)) },
		"due of nobody":      func(s *State, _ *Group) { s.due.Set(dueKey(5, "nobody"), struct{}{}) },
		"tended":             func(s *State, g *Group) { s.tended.Delete(tendedKey(g.tenders[0], g.Name)) },
		"tended by nobody":   func(s *State, _ *Group) { s.tended.Set(tendedKey(99, "g"), struct{}{}) },
		"round without end": func(_ *State, g *Group) {
			g.Phase, g.members[0].Joined, g.members[1].Joined = Preparing, true, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := New()
			for _, e := range sampleEvents()[:7] { // up to a generation of two members, one of which has synced
				if err := s.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			g := s.Get("g")
			g.editableOffsets(s.edit)
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			harm(s, g)
			if err := s.Check(); base.KindOf(err) != base.CorruptMessage {
				t.Fatalf("Check says %v", err)
			}
		})
	}
}

// TestDigestKnowsTheOrder: the same events in another order give another digest.
func TestDigestKnowsTheOrder(t *testing.T) {
	a, b := New(), New()
	first := &OffsetsCommitted{Group: "g", Offsets: []CommitPartition{{Topic: topicID("t")}}}
	second := &OffsetsCommitted{Group: "h", Offsets: []CommitPartition{{Topic: topicID("t")}}}
	for _, err := range []error{a.Apply(first), a.Apply(second), b.Apply(second), b.Apply(first)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if a.Digest() == b.Digest() || a.Digest() == New().Digest() {
		t.Errorf("digests %x and %x", a.Digest(), b.Digest())
	}
}
