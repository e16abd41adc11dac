package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// leaveGroup answers LeaveGroup v0–5: one member up to v2, whose error is that of the whole, several from v3 on
// (KIP-345).
func leaveGroup(q *query, r *kmsg.LeaveGroupRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.LeaveGroupResponse)
	if kind := q.check(Read, Group, r.Group); kind != base.OK {
		response.ErrorCode = int16(kind)
		return response
	}
	leave := &group.Leave{Group: r.Group}
	for _, m := range r.Members {
		leave.Members = append(leave.Members, group.Leaver{MemberID: m.MemberID, InstanceID: m.InstanceID})
	}
	if r.Version < 3 {
		leave.Members = []group.Leaver{{MemberID: r.MemberID}}
	}
	reply := q.ask(leave)
	if response.ErrorCode = ofGroups.code(reply.Kind); reply.Kind != base.OK {
		return response
	}
	if r.Version < 3 {
		response.ErrorCode = ofGroups.code(reply.Part(0))
		return response
	}
	for i, m := range leave.Members {
		response.Members = append(response.Members, kmsg.LeaveGroupResponseMember{
			MemberID: m.MemberID, InstanceID: m.InstanceID, ErrorCode: ofGroups.code(reply.Part(i))})
	}
	return response
}
