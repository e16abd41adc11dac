package sim

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// commit is what is known of the group's offset in one partition.
type commit struct {
	offset     int64 // the last that was acknowledged
	generation int32
	most       int64 // that was ever sent
	seen       int64 // that anybody was told of: a commit of unknown outcome that is there
	// doubt is the generation of a commit whose outcome nobody knows: until a later one commits it may still come, behind
	// its successors.
	doubt int32
}

// groupFacts are what members were told.
type groupFacts struct {
	commits    []commit // by partition
	generation int32    // the newest
	leaders    map[int32]string
	owners     map[owning]string
}

type owning struct{ generation, partition int32 }

func newGroupFacts(partitions int) groupFacts {
	return groupFacts{commits: make([]commit, partitions), leaders: map[int32]string{}, owners: map[owning]string{}}
}

// joined notes the answer to a JoinGroup. It names no leader if the next round is prepared already.
func (u *Auditor) joined(member string, j *kmsg.JoinGroupResponse) {
	u.generation = max(u.generation, j.Generation)
	if j.LeaderID == "" {
		return
	}
	if leader, ok := u.leaders[j.Generation]; ok && leader != j.LeaderID {
		u.violated(CheckAssignment, "generation %d is led by %s, and, as %s was told, by %s", j.Generation, leader, member, j.LeaderID)
	}
	u.leaders[j.Generation] = j.LeaderID
	if j.LeaderID == j.MemberID && !slices.ContainsFunc(j.Members, func(m kmsg.JoinGroupResponseMember) bool { return m.MemberID == j.MemberID }) {
		u.violated(CheckAssignment, "%s leads generation %d and is not among its %d members", member, j.Generation, len(j.Members))
	}
}

// assigned notes which partitions a member has in a generation.
func (u *Auditor) assigned(member string, generation int32, partitions []int32) {
	for _, p := range partitions {
		k := owning{generation, p}
		if other, ok := u.owners[k]; ok && other != member {
			u.violated(CheckAssignment, "partition %d is %s's and %s's in generation %d", p, other, member, generation)
		}
		u.owners[k] = member
	}
}

func (u *Auditor) committing(partition int32, offset int64) {
	u.commits[partition].most = max(u.commits[partition].most, offset)
}

// commitUnknown notes a commit that may come yet.
func (u *Auditor) commitUnknown(partition, generation int32) {
	c := &u.commits[partition]
	c.doubt = max(c.doubt, generation)
}

// committed notes an acknowledged commit; newest is the newest generation that a member knew of when it was sent.
func (u *Auditor) committed(member string, partition, generation, newest int32, offset int64) {
	if generation < newest {
		u.violated(CheckFencing, "%s committed %d in partition %d in generation %d, after generation %d had begun", member, offset, partition, generation, newest)
	}
	c := &u.commits[partition]
	if generation >= c.generation { // else a later generation's acknowledgement came first
		c.offset, c.generation = offset, generation
	}
	if generation > c.doubt {
		c.doubt = 0
	}
}

// fetched holds an offset that a member was given against what was acknowledged before it asked.
func (u *Auditor) fetched(member string, partition int32, offset int64, before commit) {
	if doubt := before.doubt != 0 || u.commits[partition].doubt != 0; offset < before.offset && before.generation != 0 && !doubt {
		u.violated(CheckLostCommit, "%s is told that the group is at %d/%d, %d was committed in generation %d", member, partition, offset, before.offset, before.generation)
	}
	u.commits[partition].seen = max(u.commits[partition].seen, offset)
	if offset > u.commits[partition].most {
		u.violated(CheckLostCommit, "%s is told that the group is at %d/%d, nobody committed more than %d", member, partition, offset, u.commits[partition].most)
	}
}

// groupIsThrough reports whether the group has, as far as was told, committed all that was acknowledged to producers.
func (u *Auditor) groupIsThrough() bool {
	for i, c := range u.commits {
		if max(c.offset, c.seen) < u.ackedEnd[i] {
			return false
		}
	}
	return true
}
