package broker

import (
	"hash/fnv"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

// Kinds of coordinators.
const (
	groupCoordinator       = 0
	transactionCoordinator = 1
)

const noTransactions = "this version of Millrace does not serve transactions"

// findCoordinator answers FindCoordinator v0–6: one key up to v3, several from v4 on (KIP-699). The agent that tends a
// group is named, but any agent serves any group. Whoever asks for a transaction's coordinator is told at once, with an
// error that no client retries, that there are none.
func findCoordinator(q *query, r *kmsg.FindCoordinatorRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.FindCoordinatorResponse)
	if r.Version >= 4 {
		for _, key := range r.CoordinatorKeys {
			response.Coordinators = append(response.Coordinators, q.coordinator(r.CoordinatorType, key))
		}
		return response
	}
	c := q.coordinator(r.CoordinatorType, r.CoordinatorKey)
	response.ErrorCode, response.ErrorMessage, response.NodeID, response.Host, response.Port = c.ErrorCode, c.ErrorMessage, c.NodeID, c.Host, c.Port
	return response
}

func (q *query) coordinator(kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	refuse := func(k base.Kind, message string) kmsg.FindCoordinatorResponseCoordinator {
		return kmsg.FindCoordinatorResponseCoordinator{Key: key, NodeID: noNode, Port: -1, ErrorCode: int16(k), ErrorMessage: &message}
	}
	switch {
	case kind == transactionCoordinator:
		return refuse(base.TransactionalIDAuthorization, noTransactions)
	case kind != groupCoordinator:
		return refuse(base.InvalidRequest, "coordinators of this type are not served")
	case !q.allow(Describe, Group, key):
		return refuse(groupAuthorizationFailed, "Not authorized to access group: Group authorization failed.")
	}
	n, ok := q.tending(key)
	if !ok {
		return refuse(base.CoordinatorNotAvailable, "no agent serves groups at the moment")
	}
	return kmsg.FindCoordinatorResponseCoordinator{Key: key, NodeID: n.id, Host: n.host, Port: n.port}
}

// tending names the agent for a group, of those that Metadata shows this client: franz-go takes no other. Another zone's
// may tend the group; then this agent does as well, as any does, or, if the client is not shown this one, the winner of a
// hash.
func (q *query) tending(key string) (node, bool) {
	shown, named, self := q.nodes(), q.b.Coord.Coordinator(key), q.b.Journal.Self()
	for _, id := range []int32{named.NodeID(), self.NodeID()} {
		for _, n := range shown {
			if n.id == id {
				return n, true
			}
		}
	}
	if len(shown) == 0 {
		agent, ok := q.view.Admin.Agent(named)
		if !ok {
			return node{}, false
		}
		return asNode(agent)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	id := winner(shown, h.Sum64())
	return shown[slices.IndexFunc(shown, func(n node) bool { return n.id == id })], true
}
