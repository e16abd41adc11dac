package group

import "github.com/millrace-io/millrace/internal/base"

// CheckMember says whether memberID, with its instance id if it has one, is a member: OK, UnknownMemberID, or
// FencedInstanceID when another member has taken the instance id (KIP-345).
func (g *Group) CheckMember(memberID string, instance *string) base.Kind {
	if instance != nil {
		switch m := g.Static(*instance); {
		case m == nil:
			return base.UnknownMemberID
		case m.ID != memberID:
			return base.FencedInstanceID
		}
	}
	if g.Member(memberID) == nil {
		return base.UnknownMemberID
	}
	return base.OK
}

// CheckHeartbeat is the answer to a heartbeat. OK and RebalanceInProgress renew the member's session. (An empty group id
// is the caller's to refuse, with INVALID_GROUP_ID.)
func (g *Group) CheckHeartbeat(memberID string, instance *string, generation int32) base.Kind {
	if k := g.CheckMember(memberID, instance); k != base.OK {
		return k
	}
	switch {
	case generation != g.Generation:
		return base.IllegalGeneration
	case g.Phase == Preparing:
		return base.RebalanceInProgress
	}
	return base.OK
}

// JoinOutcome is the answer a joiner waits for. Not done: wait for a newer State. Done with OK: the group's Generation,
// ProtocolType, Protocol and Assigner, and for the assigner JoinMembers, are the answer.
func (g *Group) JoinOutcome(memberID string, instance *string) (kind base.Kind, done bool) {
	if k := g.CheckMember(memberID, instance); k != base.OK {
		return k, true
	}
	// A member that is in a generation while the next round is prepared learns of that one by its next heartbeat or sync.
	return base.OK, !g.Member(memberID).Joined
}

// Assigner is the member that a joiner is told leads the Generation. It is "" once the next round is prepared: the
// leader may have left since, and whoever leads now was not told so with the others, and must not assign.
func (g *Group) Assigner() string {
	if g.Phase == Preparing {
		return ""
	}
	return g.Leader
}

// JoinMembers gives the members as the leader is to see them, with their metadata under the chosen protocol: those of
// the current generation.
func (g *Group) JoinMembers() []JoinMember {
	list := make([]JoinMember, 0, len(g.members))
	protocol := ""
	if g.Protocol != nil {
		protocol = *g.Protocol
	}
	for _, m := range g.members {
		list = append(list, JoinMember{m.ID, m.InstanceID, m.Metadata(protocol)})
	}
	return list
}

// JoinMember is a member as the leader sees it.
type JoinMember struct {
	MemberID   string
	InstanceID *string
	Metadata   []byte
}

// SyncOutcome is the answer to a sync in a generation that was current when the sync was accepted. Not done: the leader
// has not synced yet, wait for a newer State. Done with OK: the member's Assignment is the answer.
func (g *Group) SyncOutcome(memberID string, instance *string, generation int32) (kind base.Kind, done bool) {
	if k := g.CheckMember(memberID, instance); k != base.OK {
		return k, true
	}
	switch {
	case g.Phase == Preparing || g.Generation != generation:
		return base.RebalanceInProgress, true
	case g.Phase == Completing:
		return base.OK, false
	}
	return base.OK, true
}
