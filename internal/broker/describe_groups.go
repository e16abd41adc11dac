package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// describeGroups answers DescribeGroups v0–6. A group that does not exist is Dead, and from v6 on an error (KIP-1043).
func describeGroups(q *query, r *kmsg.DescribeGroupsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.DescribeGroupsResponse)
	err := q.certainly(func(v meta.View) bool {
		return slices.ContainsFunc(r.Groups, func(name string) bool { return v.Groups.Get(name) == nil })
	})
	for _, name := range r.Groups {
		a := kmsg.NewDescribeGroupsResponseGroup()
		a.Group = name
		g := q.view.Groups.Get(name)
		switch kind := q.check(Describe, Group, name); {
		case kind != base.OK:
			a.ErrorCode = int16(kind)
		case g != nil:
			q.describeGroup(r, g, &a)
		case err != nil:
			a.ErrorCode = int16(base.CoordinatorNotAvailable)
		default:
			if a.State = group.Dead.String(); r.Version >= 6 {
				a.ErrorCode, a.ErrorMessage = int16(base.GroupIDNotFound), text("Group %s not found.", name)
			}
		}
		response.Groups = append(response.Groups, a)
	}
	return response
}

// describeGroup tells what members subscribe to and are assigned only of a stable group, as Kafka does: before, it is
// not settled.
func (q *query) describeGroup(r *kmsg.DescribeGroupsRequest, g *group.Group, a *kmsg.DescribeGroupsResponseGroup) {
	a.State = g.State()
	if g.ProtocolType != nil {
		a.ProtocolType = *g.ProtocolType
	}
	stable := g.Phase == group.Stable && g.Protocol != nil
	if stable {
		a.Protocol = *g.Protocol
	}
	for _, m := range g.Members() {
		d := kmsg.DescribeGroupsResponseGroupMember{MemberID: m.ID, InstanceID: m.InstanceID, ClientID: m.ClientID, ClientHost: m.ClientHost}
		if stable {
			d.ProtocolMetadata, d.MemberAssignment = m.Metadata(a.Protocol), m.Assignment
		}
		a.Members = append(a.Members, d)
	}
	if r.IncludeAuthorizedOperations {
		a.AuthorizedOperations = q.operations(Group, g.Name)
	}
}
