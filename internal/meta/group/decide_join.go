package group

import (
	"bytes"
	"math"

	"github.com/millrace-io/millrace/internal/base"
)

func (c *Join) decide(d *decider) {
	d.reply.MemberID = c.MemberID
	switch {
	case c.Group == "":
		d.refuse(base.InvalidGroupID)
		return
	case c.SessionTimeoutMs < d.cfg.MinSessionTimeoutMs || c.SessionTimeoutMs > d.cfg.MaxSessionTimeoutMs:
		d.refuse(base.InvalidSessionTimeout)
		return
	}
	d.open(c.Group)
	member := d.g.Member(c.MemberID)
	switch {
	case d.g == nil && c.MemberID != "" && !c.isPending(d):
		d.refuse(base.UnknownMemberID)
	case !d.hasRoom(member):
		d.turnAway(member)
	case !supports(d.g, c.ProtocolType, c.Protocols):
		d.refuse(base.InconsistentGroupProtocol)
	case c.MemberID == "":
		d.joinNew(c)
	case member == nil && c.isPending(d):
		d.add(c, c.MemberID)
	default:
		d.rejoin(c, member)
	}
}

// isPending: the member was told its id by MEMBER_ID_REQUIRED and comes back with it. A static member is never told to.
func (c *Join) isPending(d *decider) bool {
	return c.InstanceID == nil && pendingMemberID(c.Group, c.MemberID, d.now, c.SessionTimeoutMs)
}

// hasRoom applies group.max.size. While members join, those that have count, so that a group that is too big by a change
// of the limit turns the last ones away.
func (d *decider) hasRoom(m *Member) bool {
	switch {
	case d.g == nil || d.g.Phase == Empty:
		return true
	case d.g.Phase == Preparing:
		return m != nil && m.Joined || d.g.joinedCount() < int(d.cfg.MaxSize)
	}
	return m != nil || len(d.g.members) < int(d.cfg.MaxSize)
}

func (d *decider) turnAway(m *Member) {
	d.reply.MemberID = ""
	d.refuse(base.GroupMaxSizeReached)
	if m != nil {
		d.removeAndGoOn([]string{m.ID}, true)
	}
}

// supports reports whether a member with these protocols may join: the type is the group's, and it supports one protocol
// that all members do. An empty group takes any.
func supports(g *Group, protocolType string, protocols []Protocol) bool {
	if g == nil || g.Phase == Empty {
		return protocolType != "" && len(protocols) != 0
	}
	if g.ProtocolType == nil || *g.ProtocolType != protocolType {
		return false
	}
	for _, common := range g.common(protocols) {
		if common {
			return true
		}
	}
	return false
}

// common says, for each of some protocols, whether all members support it. It takes time in proportion to all
// protocols of all members, as clients choose how many there are.
func (g *Group) common(protocols []Protocol) map[string]bool {
	upTo := make(map[string]int, len(protocols)) // the protocol is supported by so many members, from the first on
	for _, p := range protocols {
		upTo[p.Name] = 0
	}
	for i, m := range g.members {
		for _, p := range m.Protocols {
			if n, asked := upTo[p.Name]; asked && n == i {
				upTo[p.Name] = i + 1
			}
		}
	}
	common := make(map[string]bool, len(upTo))
	for name, n := range upTo {
		common[name] = n == len(g.members)
	}
	return common
}

// selectProtocol lets each member vote for the first of its protocols that all support. The most votes win; of equals
// the one the leader prefers (Kafka leaves that to chance).
func (g *Group) selectProtocol() string {
	leader := g.Member(g.Leader)
	common := g.common(leader.Protocols)
	votes := make(map[string]int, len(common))
	for _, m := range g.members {
		for _, p := range m.Protocols {
			if common[p.Name] {
				votes[p.Name]++
				break
			}
		}
	}
	best := ""
	for _, p := range leader.Protocols {
		if votes[p.Name] > votes[best] {
			best = p.Name
		}
	}
	return best
}

func (d *decider) joinNew(c *Join) {
	d.reply.MemberID = c.NewID
	var replaced *Member
	if c.InstanceID != nil {
		replaced = d.g.Static(*c.InstanceID)
	}
	switch {
	case c.NewID == "" || d.g.Member(c.NewID) != nil:
		d.refuse(base.UnknownServerError) // the agent gave no new id
	case replaced != nil:
		d.replace(c, replaced)
	case c.InstanceID == nil && c.RequireKnownID:
		d.refuse(base.MemberIDRequired)
	default:
		d.add(c, c.NewID)
	}
}

// add takes in a new member and makes the group rebalance.
func (d *decider) add(c *Join, id string) {
	d.reply.MemberID, d.reply.Wait = id, true
	d.emit(c.put(id, c.ClientID, c.ClientHost, true, d.now))
	d.rebalance()
}

func (c *Join) put(id, clientID, clientHost string, joined bool, now base.Millis) *MemberPut {
	return &MemberPut{
		Group: c.Group, At: now, ProtocolType: c.ProtocolType, ID: id, InstanceID: c.InstanceID,
		ClientID: clientID, ClientHost: clientHost, SessionTimeoutMs: c.SessionTimeoutMs,
		RebalanceTimeoutMs: c.RebalanceTimeoutMs, Protocols: c.Protocols, Tender: c.Tender, Joined: joined,
	}
}

// rejoin answers a member that knows its id.
func (d *decider) rejoin(c *Join, m *Member) {
	if k := d.g.CheckMember(c.MemberID, c.InstanceID); k != base.OK {
		d.refuse(k)
		return
	}
	same := m.matches(c.Protocols)
	switch d.g.Phase {
	case Preparing:
		d.reply.Wait = true
		d.update(c, m)
		d.rebalance()
	case Completing, Stable:
		// The answer to the member's last join may have been lost. A leader of a stable group wants a rebalance: what it
		// assigns by has changed.
		if same && (d.g.Phase == Completing || d.g.Leader != m.ID) {
			d.tendedBy(m, c.Tender)
			return
		}
		d.reply.Wait = true
		d.update(c, m)
		d.rebalance()
	default:
		d.refuse(base.UnknownMemberID)
	}
}

// update writes down what the member now says of itself. Client id and host stay those it first joined with, as in Kafka.
func (d *decider) update(c *Join, m *Member) {
	if m.Joined && m.Tender == c.Tender && m.matches(c.Protocols) &&
		m.SessionTimeoutMs == c.SessionTimeoutMs && m.RebalanceTimeoutMs == c.RebalanceTimeoutMs {
		return
	}
	put := c.put(m.ID, m.ClientID, m.ClientHost, true, d.now)
	put.InstanceID = m.InstanceID
	d.emit(put)
}

func (m *Member) matches(ps []Protocol) bool {
	if len(m.Protocols) != len(ps) {
		return false
	}
	for i, p := range ps {
		if q := m.Protocols[i]; q.Name != p.Name || !bytes.Equal(q.Metadata, p.Metadata) {
			return false
		}
	}
	return true
}

// tendedBy notes that a member's requests come to another agent now.
func (d *decider) tendedBy(m *Member, t base.Incarnation) {
	if m.Tender != t {
		d.emit(&Adopted{Group: d.g.Name, Tender: t, IDs: []string{m.ID}})
	}
}

// replace gives a static member's place to its new self, which fences the old id (KIP-345). A stable group whose protocol
// stays the same does not rebalance.
func (d *decider) replace(c *Join, old *Member) {
	leader := d.g.Leader
	d.emit(&MemberReplaced{Group: c.Group, OldID: old.ID, NewID: c.NewID})
	put := c.put(c.NewID, old.ClientID, old.ClientHost, true, d.now)
	if d.g.Phase == Stable && d.keepsProtocol(c) {
		put.Joined = false
		d.emit(put)
		d.reply.Unchanged, d.reply.LeaderBefore = true, leader
		return
	}
	d.reply.Wait = true
	d.emit(put)
	d.rebalance()
}

// keepsProtocol reports whether the group would choose its present protocol again if the static member of c had what c
// says.
func (d *decider) keepsProtocol(c *Join) bool {
	after := d.g.editable(new(token))
	i, _ := after.find(c.NewID)
	after.member(i, after.edit).Protocols = c.Protocols
	return d.g.Protocol != nil && *d.g.Protocol == after.selectProtocol()
}

// rebalance begins a join round, or ends the one that is being held if that was all it waited for.
func (d *decider) rebalance() {
	if d.g.Phase != Preparing {
		d.beginRound()
	} else if !d.g.initial && d.g.allJoined() {
		d.completeRound()
	}
}

func (d *decider) beginRound() {
	e := &RoundBegun{Group: d.g.Name, At: d.now, Remaining: -1}
	if d.g.Phase != Empty {
		e.Deadline = d.now + d.g.rebalanceTimeout()
		d.emit(e)
		if d.g.allJoined() {
			d.completeRound()
		}
		return
	}
	e.Delay = max(base.Millis(d.cfg.InitialRebalanceDelayMs), 0)
	e.Remaining = max(d.g.rebalanceTimeout()-e.Delay, 0)
	e.Deadline = d.now + e.Delay
	d.emit(e)
	if e.Delay == 0 {
		d.completeRound()
	}
}

// completeRound ends the join round. Dynamic members that have not joined are out; static ones stay until their session
// ends. If nobody joined, those that stay are waited for once more.
func (d *decider) completeRound() {
	var late []string
	for _, m := range d.g.members {
		if !m.Joined && m.InstanceID == nil {
			late = append(late, m.ID)
		}
	}
	if late != nil {
		d.emit(&MembersRemoved{Group: d.g.Name, IDs: late})
	}
	e := &RoundCompleted{Group: d.g.Name, At: d.now, Generation: nextGeneration(d.g.Generation), Deadline: noDeadline}
	if len(d.g.members) != 0 {
		if e.Leader = d.g.joinedLeader(); e.Leader == "" {
			d.emit(&RoundExtended{Group: d.g.Name, Deadline: d.now + max(d.g.rebalanceTimeout(), 1), Remaining: -1})
			return
		}
		protocol := d.g.selectProtocol()
		e.Protocol = &protocol
		e.Deadline = d.now + d.g.rebalanceTimeout()
	}
	d.emit(e)
}

// joinedLeader keeps the leader if it has joined, else gives the first member that has; "" if none has.
func (g *Group) joinedLeader() string {
	if g.Member(g.Leader).Joined {
		return g.Leader
	}
	for _, m := range g.members {
		if m.Joined {
			return m.ID
		}
	}
	return ""
}

func nextGeneration(g int32) int32 {
	if g == math.MaxInt32 {
		return 1
	}
	return g + 1
}
