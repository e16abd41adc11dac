package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// heartbeat answers Heartbeat v0–4.
func heartbeat(q *query, r *kmsg.HeartbeatRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.HeartbeatResponse)
	kind := q.check(Read, Group, r.Group)
	if kind == base.OK {
		beat := coord.Beat{Group: r.Group, MemberID: r.MemberID, InstanceID: r.InstanceID, Generation: r.Generation}
		kind = soonOr(q, q.b.Coord.Heartbeat(beat), base.CoordinatorNotAvailable)
	}
	response.ErrorCode = ofGroups.code(kind)
	return response
}

// soonOr waits for an answer that takes a journal entry at most. late is the answer when the bucket is out of reach:
// clients look for the coordinator again.
func soonOr[T any](q *query, f *env.Future[T], late T) T {
	v, err := f.Wait(q.arrived.Add(barrierWait))
	if err != nil {
		return late
	}
	return v
}

// ask has a group's command decided.
func (q *query) ask(op group.Command) group.Reply {
	return soonOr(q, q.b.Coord.Ask(op), group.Reply{Kind: base.CoordinatorNotAvailable})
}
