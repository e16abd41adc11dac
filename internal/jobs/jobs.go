// Package jobs is what is done in the background: each job in a sub-room of its own, here what they share.
//
// Owns: whose turn it is.
// Does not own: any job.
package jobs

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// Mine reports whether agent self has been in the cluster longest of those with the role that have not broken their promise
// to be heard of. Two that both take themselves for that one must do no harm.
func Mine(v meta.View, self base.Incarnation, now base.Millis) bool {
	for _, a := range v.Admin.Agents() {
		if a.Roles&admin.RoleJobs != 0 && (a.Incarnation == self || now <= a.RenewBy) {
			return a.Incarnation == self
		}
	}
	return false
}
