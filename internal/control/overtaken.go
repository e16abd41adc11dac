package control

import (
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// A consumer whose commit is held up, by an agent that stands still or is cut off from the bucket, commits its next offset at
// another agent. Nothing in the two commits says which came first: were the one that was held up decided after the other, the group
// would go back to where it has been. So a commit is refused if, since the View that it came to, one of the same offset has come through
// another agent. Its client, should it still be there, tries again (RFC 2).

// commitPlace is where a group's offset for a partition stands.
type commitPlace struct {
	group string
	group.OffsetPlace
}

// lastCommit says when an offset was committed last and through which agent, and when through another one.
type lastCommit struct {
	slot  base.Slot
	from  base.Incarnation
	other base.Slot // 0: not known of any
}

// recentCommits are the last commits of the offsets that were committed lately.
type recentCommits struct {
	young, old map[commitPlace]lastCommit
	begun      base.Slot // young has what was committed after it
	knownAfter base.Slot // both together have what was committed after it
}

// recentPlaces is how many offsets young and old have at most each, but for those of one entry. A commit on its way must not grow older
// than what is remembered: at 10,000 different offsets a second, as of ten groups of 5,000 partitions, that are 20 s and more. Some 25 MB each, where
// there are as many.
const recentPlaces = 200_000

// commitsAfter remembers nothing yet.
func commitsAfter(slot base.Slot) recentCommits {
	return recentCommits{young: map[commitPlace]lastCommit{}, begun: slot, knownAfter: slot}
}

// note takes in an entry.
func (r *recentCommits) note(slot base.Slot, outcomes []meta.Outcome) {
	for i := range outcomes {
		from := outcomes[i].From
		eachCommit(&outcomes[i], func(p commitPlace) {
			last := r.last(p)
			if last.from != from {
				last.other = last.slot
			}
			last.slot, last.from = slot, from
			r.young[p] = last
		})
	}
	if len(r.young) > recentPlaces {
		r.old, r.knownAfter = r.young, r.begun
		r.young, r.begun = map[commitPlace]lastCommit{}, slot
	}
}

func (r *recentCommits) last(p commitPlace) lastCommit {
	if last, ok := r.young[p]; ok {
		return last
	}
	return r.old[p]
}

// after reports whether an offset was committed after a slot through another agent than from.
func (r *recentCommits) after(slot base.Slot, p commitPlace, from base.Incarnation) bool {
	last := r.last(p)
	if last.from == from {
		return last.other > slot
	}
	return last.slot > slot
}

// decidedCommits are those of the entry that is being made, and through whom they came.
type decidedCommits map[commitPlace]base.Incarnation

func (d decidedCommits) note(o *meta.Outcome) {
	eachCommit(o, func(p commitPlace) { d[p] = o.From })
}

// eachCommit calls f for each offset that an outcome commits.
func eachCommit(o *meta.Outcome, f func(commitPlace)) {
	for _, e := range o.Events {
		e, ok := e.(*group.OffsetsCommitted)
		if !ok {
			continue
		}
		for i := range e.Offsets {
			f(placeOf(e.Group, &e.Offsets[i]))
		}
	}
}

func placeOf(name string, p *group.CommitPartition) commitPlace {
	return commitPlace{name, group.OffsetPlace{Topic: p.Topic, Partition: p.Partition}}
}

// overtaken reports whether a command is a commit that one through another agent has overtaken, or of which that is not known any more.
func (l *loop) overtaken(cmd *meta.Command, decided decidedCommits) bool {
	c, ok := cmd.Op.(*group.OffsetCommit)
	if !ok || c.Since == 0 {
		return false
	}
	return c.Since < l.commits.knownAfter || slices.ContainsFunc(c.Partitions, func(p group.CommitPartition) bool {
		place := placeOf(c.Group, &p)
		from, ok := decided[place]
		return ok && from != cmd.From || l.commits.after(c.Since, place, cmd.From)
	})
}

// sinceOf gives the slot of the View that a commit came to; 0: it is none, or that is not known.
func sinceOf(op meta.Op) base.Slot {
	if c, ok := op.(*group.OffsetCommit); ok {
		return c.Since
	}
	return 0
}
