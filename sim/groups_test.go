package sim

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// What members of a group must not be told is found by the check that is made for it; what they may be told is not.
func TestGroupChecks(t *testing.T) {
	join := func(generation int32, member, leader string) *kmsg.JoinGroupResponse {
		j := kmsg.NewPtrJoinGroupResponse()
		j.Generation, j.MemberID, j.LeaderID = generation, member, leader
		if member == leader {
			j.Members = []kmsg.JoinGroupResponseMember{{MemberID: member}}
		}
		return j
	}
	for _, c := range []struct {
		name  string
		finds string // "" if all is well
		story func(u *Auditor)
	}{
		{"one owner in each generation", "", func(u *Auditor) {
			u.assigned("a", 1, []int32{0})
			u.assigned("b", 2, []int32{0})
			u.assigned("b", 2, []int32{0})
		}},
		{"two owners", CheckAssignment, func(u *Auditor) {
			u.assigned("a", 1, []int32{0})
			u.assigned("b", 1, []int32{0})
		}},
		{"two leaders", CheckAssignment, func(u *Auditor) {
			u.joined("a", join(1, "a", "a"))
			u.joined("b", join(1, "b", "b"))
		}},
		{"the next round is prepared", "", func(u *Auditor) {
			u.joined("a", join(1, "a", "a"))
			u.joined("b", join(1, "b", ""))
		}},
		{"a commit of an earlier generation", CheckFencing, func(u *Auditor) { u.committed("a", 0, 1, 2, 5) }},
		{"the offset is the last committed", "", func(u *Auditor) {
			u.committing(0, 5)
			u.committed("a", 0, 1, 1, 5)
			u.fetched("b", 0, 5, u.commits[0])
		}},
		{"a commit is lost", CheckLostCommit, func(u *Auditor) {
			u.committing(0, 5)
			u.committed("a", 0, 1, 1, 5)
			u.fetched("b", 0, 4, u.commits[0])
		}},
		{"a commit nobody made", CheckLostCommit, func(u *Auditor) { u.fetched("b", 0, 4, u.commits[0]) }},
		{"an unknown one came late", "", func(u *Auditor) {
			u.committing(0, 5)
			u.commitUnknown(0, 1)
			u.committed("a", 0, 1, 1, 5)
			u.fetched("b", 0, 4, u.commits[0])
		}},
		{"an unknown one of an earlier generation cannot come", CheckLostCommit, func(u *Auditor) {
			u.committing(0, 5)
			u.commitUnknown(0, 1)
			u.committed("a", 0, 2, 2, 5)
			u.fetched("b", 0, 4, u.commits[0])
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newAuditor(sim.NewWorld(1), Marks{}, 1)
			c.story(u)
			found := ""
			if len(u.Violations) > 0 {
				found = u.Violations[0].Check
			}
			if found != c.finds {
				t.Errorf("found %q, want %q", found, c.finds)
			}
		})
	}
}
