// Package jobs is what is done in the background: each job in a sub-room of its own, here what they share.
//
// Owns: whose turn it is; data files that jobs make, from their upload to their verdict.
// Does not own: any job.
package jobs

import (
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// Mine reports whether agent self has been in the cluster longest of those with the role that have not broken their promise
// to be heard of. Two that both take themselves for that one must do no harm.
func Mine(v meta.View, self base.Incarnation, now base.Millis) bool {
	for _, a := range v.Admin.Agents() {
		if works(a, self, now) {
			return a.Incarnation == self
		}
	}
	return false
}

// Share tells which pieces of work are agent self's, of all agents that Mine asks among, by rendezvous hashing: with an agent that comes or
// goes only its own change hands. Two that both take a piece for theirs must do no harm.
func Share(v meta.View, self base.Incarnation, now base.Millis) func(piece uint64) bool {
	var others []base.Incarnation
	working := false
	for _, a := range v.Admin.Agents() {
		switch {
		case !works(a, self, now):
		case a.Incarnation == self:
			working = true
		default:
			others = append(others, a.Incarnation)
		}
	}
	return func(piece uint64) bool {
		own := score(self, piece)
		return working && !slices.ContainsFunc(others, func(i base.Incarnation) bool { return score(i, piece) > own })
	}
}

func works(a *admin.Agent, self base.Incarnation, now base.Millis) bool {
	return a.Roles&admin.RoleJobs != 0 && (a.Incarnation == self || now <= a.RenewBy)
}

// score is the weight of an agent for a piece of work: a hash of both of which every bit counts (the finish of MurmurHash3).
func score(i base.Incarnation, piece uint64) uint64 {
	h := piece*0x9E3779B97F4A7C15 ^ uint64(i)
	h = (h ^ h>>33) * 0xFF51AFD7ED558CCD
	h = (h ^ h>>33) * 0xC4CEB9FE1A85EC53
	return h ^ h>>33
}
