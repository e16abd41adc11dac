package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// deleteGroups answers DeleteGroups v0–3 (KIP-229): groups without members go, with their offsets.
func deleteGroups(q *query, r *kmsg.DeleteGroupsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
	seen := map[string]bool{}
	for _, name := range r.Groups {
		if seen[name] {
			continue
		}
		seen[name] = true
		kind := q.check(Delete, Group, name)
		if kind == base.OK {
			kind = q.ask(&group.DeleteGroup{Group: name}).Kind
		}
		a := kmsg.NewDeleteGroupsResponseGroup()
		a.Group, a.ErrorCode = name, ofGroups.code(kind)
		response.Groups = append(response.Groups, a)
	}
	return response
}
