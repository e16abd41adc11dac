package group

import (
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

func (c *Sync) decide(d *decider) {
	d.open(c.Group)
	if k := c.check(d.g); k != base.OK {
		d.refuse(k)
		return
	}
	m := d.g.Member(c.MemberID)
	d.tendedBy(m, c.Tender)
	if d.g.Phase == Completing && d.g.Leader == m.ID {
		d.emit(&Assigned{Group: c.Group, At: d.now, Assignments: c.ofMembers(d.g)})
		return
	}
	d.reply.Wait = d.g.Phase == Completing
	if !m.Synced {
		d.emit(&MemberSynced{Group: c.Group, MemberID: m.ID})
	}
}

func (c *Sync) check(g *Group) base.Kind {
	switch {
	case c.Group == "":
		return base.InvalidGroupID
	case g == nil || g.Phase == Empty:
		return base.UnknownMemberID
	}
	if k := g.CheckMember(c.MemberID, c.InstanceID); k != base.OK {
		return k
	}
	switch {
	case c.Generation != g.Generation:
		return base.IllegalGeneration
	case differ(c.ProtocolType, g.ProtocolType) || differ(c.Protocol, g.Protocol):
		return base.InconsistentGroupProtocol
	case g.Phase == Preparing:
		return base.RebalanceInProgress
	}
	return base.OK
}

// differ reports whether both are known and not the same (KIP-559).
func differ(a, b *string) bool { return a != nil && b != nil && *a != *b }

// ofMembers leaves out what the leader assigns to nobody, and nothings.
func (c *Sync) ofMembers(g *Group) (list []Assignment) {
	for _, a := range c.Assignments {
		if g.Member(a.MemberID) != nil && len(a.Bytes) != 0 {
			list = append(list, a)
		}
	}
	return list
}

func (c *Leave) decide(d *decider) {
	if c.Group == "" {
		d.refuse(base.InvalidGroupID)
		return
	}
	d.open(c.Group)
	d.reply.Parts = make([]base.Kind, len(c.Members))
	var gone []string
	for i, l := range c.Members {
		m, kind := l.who(d.g)
		if kind == base.OK && slices.Contains(gone, m.ID) {
			kind = base.UnknownMemberID
		}
		if kind == base.OK {
			gone = append(gone, m.ID)
		}
		d.reply.Parts[i] = kind
	}
	if gone != nil {
		d.removeAndGoOn(gone, false)
	}
}

// who gives the member that leaves. An administrator may remove a static member by its instance id alone.
func (l Leaver) who(g *Group) (*Member, base.Kind) {
	if l.MemberID != "" {
		return g.Member(l.MemberID), g.CheckMember(l.MemberID, l.InstanceID)
	}
	if l.InstanceID != nil {
		if m := g.Static(*l.InstanceID); m != nil {
			return m, base.OK
		}
	}
	return nil, base.UnknownMemberID
}

// removeAndGoOn removes members and lets the group rebalance. endInitial: the loss may end even an initial join round
// before its deadline, as in Kafka when a session ends but not when a member leaves.
func (d *decider) removeAndGoOn(ids []string, endInitial bool) {
	d.emit(&MembersRemoved{Group: d.g.Name, IDs: ids})
	if endInitial && d.g.Phase == Preparing {
		if d.g.allJoined() {
			d.completeRound()
		}
		return
	}
	d.rebalance()
}

func (c *ExpireMember) decide(d *decider) {
	d.open(c.Group)
	m := d.g.Member(c.MemberID)
	switch {
	case m == nil:
		d.refuse(base.UnknownMemberID)
	case m.Tender != c.By && !plant.LeftOut(plant.TenderExpires):
		d.refuse(base.NotCoordinator)
	case c.Generation != d.g.Generation:
		d.refuse(base.IllegalGeneration)
	case !m.New && (d.g.Phase == Preparing && m.Joined || d.g.Phase == Completing && m.Synced):
		// It waits for the others, and cannot be heard meanwhile.
		d.refuse(base.RebalanceInProgress)
	default:
		d.removeAndGoOn([]string{m.ID}, true)
	}
}

func (c *Adopt) decide(d *decider) {
	d.open(c.Group)
	if c.MemberID == "" && d.live.Live(c.OldTender) || c.MemberID != "" && !c.Heard && d.live.Live(c.OldTender) {
		d.refuse(base.NotCoordinator)
		return
	}
	var ids []string
	for _, m := range d.g.Members() {
		if m.Tender == c.OldTender && (c.MemberID == "" || c.MemberID == m.ID) {
			ids = append(ids, m.ID)
		}
	}
	switch {
	case ids == nil && d.g.Member(c.MemberID) == nil:
		d.refuse(base.UnknownMemberID)
	case ids == nil:
		d.refuse(base.NotCoordinator)
	case c.NewTender != c.OldTender:
		d.emit(&Adopted{Group: c.Group, Tender: c.NewTender, IDs: ids})
	}
}

func (c *Tick) decide(d *decider) {
	d.open(c.Group)
	if d.g == nil || d.g.Deadline < 0 || d.g.Deadline != c.Deadline || d.now < c.Deadline {
		return
	}
	switch {
	case d.g.Phase != Preparing:
		d.dropUnsynced()
	case d.g.initial && d.g.joinedSince && d.g.remaining > 0:
		d.extendInitial()
	default:
		d.completeRound()
	}
}

// extendInitial waits again for more members, as some came while the first round waited, up to the rebalance timeout.
func (d *decider) extendInitial() {
	delay := min(max(base.Millis(d.cfg.InitialRebalanceDelayMs), 0), d.g.remaining)
	left := max(d.g.remaining-d.g.delay, 0)
	d.emit(&RoundExtended{Group: d.g.Name, Deadline: d.now + delay, Delay: delay, Remaining: left})
}

// dropUnsynced removes the members that did not sync in time, and rebalances.
func (d *decider) dropUnsynced() {
	var ids []string
	for _, m := range d.g.members {
		if !m.Synced {
			ids = append(ids, m.ID)
		}
	}
	d.emit(&MembersRemoved{Group: d.g.Name, IDs: ids})
	d.beginRound()
}
