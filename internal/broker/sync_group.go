package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// syncGroup answers SyncGroup v0–5. It waits until the leader has assigned.
func syncGroup(q *query, r *kmsg.SyncGroupRequest) kmsg.Response {
	switch kind := q.check(Read, Group, r.Group); {
	case r.Version >= 5 && (r.ProtocolType == nil || r.Protocol == nil):
		return synced(r, coord.Synced{Kind: base.InconsistentGroupProtocol})
	case kind != base.OK:
		return synced(r, coord.Synced{Kind: kind})
	}
	sync := group.Sync{Group: r.Group, MemberID: r.MemberID, InstanceID: r.InstanceID, Generation: r.Generation,
		ProtocolType: r.ProtocolType, Protocol: r.Protocol}
	for _, a := range r.GroupAssignment {
		sync.Assignments = append(sync.Assignments, group.Assignment{MemberID: a.MemberID, Bytes: a.MemberAssignment})
	}
	return synced(r, park(q, q.b.Coord.Sync(sync), coord.Synced{Kind: base.CoordinatorNotAvailable}))
}

func synced(r *kmsg.SyncGroupRequest, s coord.Synced) kmsg.Response {
	response := r.ResponseKind().(*kmsg.SyncGroupResponse)
	response.ErrorCode, response.MemberAssignment = ofGroups.code(s.Kind), s.Assignment
	response.ProtocolType, response.Protocol = s.ProtocolType, s.Protocol
	if response.MemberAssignment == nil {
		response.MemberAssignment = []byte{} // null is not allowed
	}
	return response
}
