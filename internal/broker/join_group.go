package broker

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// joinGroup answers JoinGroup v0–9. It waits until the round of joining ends.
func joinGroup(q *query, r *kmsg.JoinGroupRequest) kmsg.Response {
	if kind := q.check(Read, Group, r.Group); kind != base.OK {
		return joined(r, coord.Joined{Kind: kind, MemberID: r.MemberID, Generation: -1})
	}
	join := group.Join{
		Group: r.Group, MemberID: r.MemberID, RequireKnownID: r.Version >= 4, InstanceID: r.InstanceID, ProtocolType: r.ProtocolType,
		ClientID: q.header.ClientID, ClientHost: "/" + q.c.host,
		SessionTimeoutMs: r.SessionTimeoutMillis, RebalanceTimeoutMs: r.RebalanceTimeoutMillis,
	}
	if r.Version < 1 {
		join.RebalanceTimeoutMs = r.SessionTimeoutMillis
	}
	for _, p := range r.Protocols {
		join.Protocols = append(join.Protocols, group.Protocol{Name: p.Name, Metadata: p.Metadata})
	}
	return joined(r, park(q, q.b.Coord.Join(join, r.Version), coord.Joined{Kind: base.CoordinatorNotAvailable, MemberID: r.MemberID, Generation: -1}))
}

// park waits for what other members of a group have to do first. When the agent drains the answer is gone instead.
func park[T any](q *query, f *env.Future[T], gone T) T {
	q.c.cancelable(func() { f.Set(gone, nil) })
	defer q.c.cancelable(nil)
	v, _ := f.Wait(time.Time{}) // neither the future nor a wait without deadline fails
	return v
}

// joined puts the answer together; where versions below 7 have no null they have an empty string.
func joined(r *kmsg.JoinGroupRequest, j coord.Joined) kmsg.Response {
	response := r.ResponseKind().(*kmsg.JoinGroupResponse)
	response.ErrorCode, response.Generation, response.MemberID = ofGroups.code(j.Kind), j.Generation, j.MemberID
	response.ProtocolType, response.Protocol, response.LeaderID, response.SkipAssignment = j.ProtocolType, j.Protocol, j.Leader, j.SkipAssignment
	if response.Protocol == nil && r.Version < 7 {
		response.Protocol = new(string)
	}
	for _, m := range j.Members {
		response.Members = append(response.Members, kmsg.JoinGroupResponseMember{MemberID: m.MemberID, InstanceID: m.InstanceID, ProtocolMetadata: m.Metadata})
	}
	return response
}
