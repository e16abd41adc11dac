package group

import (
	"bytes"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/tidwall/btree"
)

// noDeadline is the Deadline of a group that waits for nothing.
const noDeadline base.Millis = -1

func newGroup(name string, tok *token) *Group {
	return &Group{Name: name, Deadline: noDeadline, remaining: -1, edit: tok}
}

// editable gives a Group equal to g that tok may change: g itself, or a copy. Members and offsets are shared until they
// are changed.
func (g *Group) editable(tok *token) *Group {
	if g.edit == tok {
		return g
	}
	c := *g
	c.edit = tok
	c.members = slices.Clone(g.members)
	return &c
}

// member gives member i to be changed.
func (g *Group) member(i int, tok *token) *Member {
	m := g.members[i]
	if m.edit != tok {
		c := *m
		c.edit = tok
		m = &c
		g.members[i] = m
	}
	return m
}

func (g *Group) insert(m *Member) {
	i, _ := g.find(m.ID)
	g.members = slices.Insert(g.members, i, m)
}

func (g *Group) remove(i int) { g.members = slices.Delete(g.members, i, i+1) }

// countTenders brings tenders up to date. It never changes the old list.
func (g *Group) countTenders() {
	if list := tendersOf(g.members); !slices.Equal(list, g.tenders) {
		g.tenders = list
	}
}

func tendersOf(members []*Member) (list []base.Incarnation) {
	for _, m := range members {
		if i, ok := slices.BinarySearch(list, m.Tender); !ok {
			list = slices.Insert(list, i, m.Tender)
		}
	}
	return list
}

// misfit is the error of an event that does not fit its group.
func misfit(g *Group, what string) error {
	return base.Errorf(base.CorruptMessage, "group %q in state %v, generation %d: %s", g.Name, g.Phase, g.Generation, what)
}

func (e *MemberPut) apply(g *Group, tok *token) error {
	i, known := g.find(e.ID)
	if e.ID == "" {
		return misfit(g, "a member without an id")
	}
	if e.InstanceID != nil {
		if m := g.Static(*e.InstanceID); m != nil && m.ID != e.ID {
			return misfit(g, "two members with the instance id "+*e.InstanceID)
		}
	}
	if len(g.members) == 0 {
		protocolType := e.ProtocolType // not a pointer into the event
		g.ProtocolType = &protocolType
	}
	var m *Member
	if known {
		m = g.member(i, tok)
	} else {
		m = &Member{ID: e.ID, New: true, edit: tok}
		g.insert(m)
		g.joinedSince = g.Phase == Preparing && g.initial
	}
	if g.Leader == "" {
		g.Leader = e.ID
	}
	m.InstanceID = e.InstanceID
	m.ClientID, m.ClientHost = e.ClientID, e.ClientHost
	m.SessionTimeoutMs, m.RebalanceTimeoutMs = e.SessionTimeoutMs, e.RebalanceTimeoutMs
	m.Protocols = cloneProtocols(e.Protocols)
	m.Tender, m.Joined = e.Tender, e.Joined
	g.countTenders()
	return nil
}

// keep copies bytes out of the memory they came in. Empty is nil, so that a state and its restored snapshot are alike.
func keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

func cloneProtocols(ps []Protocol) []Protocol {
	list := make([]Protocol, len(ps))
	for i, p := range ps {
		list[i] = Protocol{p.Name, keep(p.Metadata)}
	}
	return list
}

func (e *MemberReplaced) apply(g *Group, tok *token) error {
	i, known := g.find(e.OldID)
	if _, taken := g.find(e.NewID); !known || taken || e.NewID == "" {
		return misfit(g, "member "+e.OldID+" cannot be replaced by "+e.NewID)
	}
	m := *g.members[i]
	m.ID, m.edit = e.NewID, tok
	g.remove(i)
	g.insert(&m)
	if g.Leader == e.OldID {
		g.Leader = e.NewID
	}
	return nil
}

func (e *MembersRemoved) apply(g *Group, _ *token) error {
	for i, id := range e.IDs {
		if _, known := g.find(id); !known || slices.Contains(e.IDs[:i], id) {
			return misfit(g, "no member "+id+" to remove")
		}
	}
	for _, id := range e.IDs {
		i, _ := g.find(id)
		g.remove(i)
	}
	if _, stays := g.find(g.Leader); !stays {
		g.Leader = ""
		if len(g.members) != 0 {
			g.Leader = g.members[0].ID
		}
	}
	g.countTenders()
	return nil
}

func (e *RoundBegun) apply(g *Group, tok *token) error {
	if g.Phase == Preparing || e.Deadline < 0 {
		return misfit(g, "no join round can begin")
	}
	if g.Phase == Completing {
		for i := range g.members {
			g.member(i, tok).Assignment = nil
		}
	}
	g.Phase, g.Since, g.Deadline = Preparing, e.At, e.Deadline
	g.delay, g.remaining = e.Delay, e.Remaining
	g.initial, g.joinedSince = e.Remaining >= 0, false
	return nil
}

func (e *RoundExtended) apply(g *Group, _ *token) error {
	if g.Phase != Preparing || e.Deadline < 0 {
		return misfit(g, "no join round to extend")
	}
	g.Deadline, g.delay, g.remaining, g.joinedSince = e.Deadline, e.Delay, e.Remaining, false
	return nil
}

func (e *RoundCompleted) apply(g *Group, tok *token) error {
	_, led := g.find(e.Leader)
	if g.Phase != Preparing || led != (len(g.members) != 0) || led != (e.Protocol != nil) || led != (e.Deadline >= 0) {
		return misfit(g, "the join round cannot end with leader "+e.Leader)
	}
	g.Generation, g.Since, g.Deadline = e.Generation, e.At, max(e.Deadline, noDeadline)
	g.Protocol, g.Leader = e.Protocol, e.Leader
	g.initial, g.joinedSince, g.delay, g.remaining = false, false, 0, -1
	g.Phase = Completing
	if !led {
		g.Phase = Empty
	}
	for i := range g.members {
		m := g.member(i, tok)
		m.Joined, m.Synced, m.New = false, false, false
	}
	return nil
}

func (e *MemberSynced) apply(g *Group, tok *token) error {
	i, known := g.find(e.MemberID)
	if !known || g.Phase != Completing && g.Phase != Stable {
		return misfit(g, "nothing to sync for member "+e.MemberID)
	}
	g.synced(i, tok)
	return nil
}

func (g *Group) synced(i int, tok *token) {
	g.member(i, tok).Synced = true
	if g.Phase == Stable && g.allSynced() {
		g.Deadline = noDeadline
	}
}

func (e *Assigned) apply(g *Group, tok *token) error {
	leader, led := g.find(g.Leader)
	if g.Phase != Completing || !led {
		return misfit(g, "no assignments are awaited")
	}
	for i := range g.members {
		g.member(i, tok).Assignment = nil
	}
	for _, a := range e.Assignments {
		if i, known := g.find(a.MemberID); known {
			g.members[i].Assignment = keep(a.Bytes)
		}
	}
	g.Phase, g.Since = Stable, e.At
	g.synced(leader, tok)
	return nil
}

func (e *Adopted) apply(g *Group, tok *token) error {
	for _, id := range e.IDs {
		if _, known := g.find(id); !known {
			return misfit(g, "no member "+id+" to adopt")
		}
	}
	for _, id := range e.IDs {
		i, _ := g.find(id)
		g.member(i, tok).Tender = e.Tender
	}
	g.countTenders()
	return nil
}

func (e *OffsetsCommitted) apply(g *Group, tok *token) error {
	for _, p := range e.Offsets {
		if p.Partition < 0 || p.Topic.IsZero() {
			return misfit(g, "an offset of no partition")
		}
	}
	tree := g.editableOffsets(tok)
	for _, p := range e.Offsets {
		tree.Set(offsetKey(p.Topic, p.Partition), Offset{p.Offset, p.LeaderEpoch, p.Metadata, e.At, e.Expires})
	}
	return nil
}

func (e *OffsetsRemoved) apply(g *Group, tok *token) error {
	g.removeOffsets(e.Places, tok)
	return nil
}

// apply of a deletion is State.applyTo's.
func (e *GroupDeleted) apply(*Group, *token) error { return nil }

// editableOffsets gives the tree of offsets to be changed.
func (g *Group) editableOffsets(tok *token) *btree.Map[string, Offset] {
	if g.offsets == nil {
		g.offsets = btree.NewMap[string, Offset](offsetsDegree)
	} else if g.offsetsEdit != tok {
		g.offsets = g.offsets.Copy()
	}
	g.offsetsEdit = tok
	return g.offsets
}

// offsetsDegree keeps nodes small (≤ 31 offsets): a commit after a fork copies one path of them.
const offsetsDegree = 16

func (g *Group) removeOffsets(places []OffsetPlace, tok *token) {
	if g.offsets == nil || len(places) == 0 {
		return
	}
	tree := g.editableOffsets(tok)
	for _, p := range places {
		tree.Delete(offsetKey(p.Topic, p.Partition))
	}
}

// places gives where the group has offsets of a topic.
func (g *Group) places(topic base.TopicID) (list []OffsetPlace) {
	if g.offsets == nil {
		return nil
	}
	g.offsets.Ascend(offsetKey(topic, 0), func(key string, _ Offset) bool {
		t, p := splitOffsetKey(key)
		if t == topic {
			list = append(list, OffsetPlace{t, p})
		}
		return t == topic
	})
	return list
}
