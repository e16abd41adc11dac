package broker

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

// classicType is how Kafka calls the groups there are.
const classicType = "classic"

// listGroups answers ListGroups v0–5, filtered by state (KIP-518) and type (KIP-848). Any agent knows all groups.
func listGroups(q *query, r *kmsg.ListGroupsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.ListGroupsResponse)
	if err := q.refresh(); err != nil { // what is not listed is taken not to be there
		response.ErrorCode = int16(base.CoordinatorNotAvailable)
		return response
	}
	all := q.allow(Describe, Cluster, clusterName)
	for g := range q.view.Groups.Groups() {
		if !matches(r.StatesFilter, g.State()) || !matches(r.TypesFilter, classicType) || !all && !q.allow(Describe, Group, g.Name) {
			continue
		}
		a := kmsg.NewListGroupsResponseGroup()
		a.Group, a.GroupState, a.GroupType = g.Name, g.State(), classicType
		if g.ProtocolType != nil {
			a.ProtocolType = *g.ProtocolType
		}
		response.Groups = append(response.Groups, a)
	}
	return response
}

// matches: an empty filter lets all through; case does not matter.
func matches(filter []string, value string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, value) })
}
