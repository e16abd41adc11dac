package control

import (
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// A consumer whose commit is held up, by an agent that stands still or is cut off from the bucket, commits its next offset at
// another agent. Nothing in the two commits says which came first: were the one that was held up decided after the other, the group
// would go back to where it has been. So a commit that waits while one of the same offset that came through another agent is
// decided does not come to life any more. Its client, should it still be there, is told to try again (RFC 2).

// seenCommit is a commit in an entry.
type seenCommit struct {
	slot base.Slot
	from base.Incarnation
	e    *group.OffsetsCommitted
}

// recentCommits are those of the last entries, by which a sequencer tells whether a follower that lagged, as it stood still, has sent it a
// commit that was overtaken meanwhile.
type recentCommits struct {
	list    []seenCommit
	offsets int       // in list
	since   base.Slot // list has all commits after it
}

// recentOffsets is how many offsets recentCommits remember at least, if there were as many, and at most twice that, but for those of the newest
// entry: some MB.
const recentOffsets = 20_000

func (r *recentCommits) add(slot base.Slot, outcomes []meta.Outcome) {
	for i := range outcomes {
		for _, e := range outcomes[i].Events {
			if e, ok := e.(*group.OffsetsCommitted); ok {
				r.list = append(r.list, seenCommit{slot, outcomes[i].From, e})
				r.offsets += len(e.Offsets)
			}
		}
	}
	if r.offsets <= 2*recentOffsets {
		return
	}
	n := 0
	for ; r.offsets > recentOffsets && r.list[n].slot < slot; n++ {
		r.offsets -= len(r.list[n].e.Offsets)
		r.since = r.list[n].slot
	}
	r.list = slices.Delete(r.list, 0, n)
}

// after gives the commits of entries after slot; all is false if there were others.
func (r *recentCommits) after(slot base.Slot) (list []seenCommit, all bool) {
	n, _ := slices.BinarySearchFunc(r.list, slot+1, func(k seenCommit, slot base.Slot) int { return int(k.slot - slot) })
	return r.list[n:], slot >= r.since
}

// overtake looks which of the commits that wait here have been overtaken by those of the last entry, which another agent wrote. In this
// agent's own entries all stand in the order they came.
func (l *loop) overtake() {
	last, _ := l.commits.after(l.state.Slot - 1)
	for _, k := range last {
		f := finish{seenCommit: k}
		for i := range l.backlog {
			f.mark(&l.backlog[i])
		}
		if k.from != l.c.Self() {
			l.eachCall(func(k *call) { k.overtaken = k.overtaken || f.before(k.op) })
		}
	}
}

// overtakeSince looks which of the commands of a follower that had followed the journal up to slot have been overtaken since.
func (l *loop) overtakeSince(slot base.Slot, commands []candidate) {
	list, all := l.commits.after(slot)
	if !all {
		overtakeCommits(commands)
	}
	for _, k := range list {
		f := finish{seenCommit: k}
		for i := range commands {
			f.mark(&commands[i])
		}
	}
}

// overtakeAll holds that of all commits that wait: the state was loaded anew, and what led to it is not known.
func (l *loop) overtakeAll() {
	overtakeCommits(l.backlog)
	l.eachCall(func(k *call) { k.overtaken = k.overtaken || isCommit(k.op) })
}

func overtakeCommits(commands []candidate) {
	for i := range commands {
		k := &commands[i]
		k.overtaken = k.overtaken || isCommit(k.Op)
	}
}

// eachCall has f look at this agent's calls.
func (l *loop) eachCall(f func(k *call)) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	for _, k := range l.c.calls {
		f(k)
	}
}

func isCommit(op meta.Op) bool {
	_, ok := op.(*group.OffsetCommit)
	return ok
}

// finish is a commit that was decided, beside which others are held.
type finish struct {
	seenCommit
	places map[group.OffsetPlace]bool // of e; made when first needed
}

func (f *finish) mark(k *candidate) {
	k.overtaken = k.overtaken || k.From != f.from && f.before(k.Op)
}

// before reports whether it set an offset that op, which waits, would set.
func (f *finish) before(op meta.Op) bool {
	c, ok := op.(*group.OffsetCommit)
	if !ok || c.Group != f.e.Group {
		return false
	}
	if f.places == nil {
		f.places = make(map[group.OffsetPlace]bool, len(f.e.Offsets))
		for _, o := range f.e.Offsets {
			f.places[group.OffsetPlace{Topic: o.Topic, Partition: o.Partition}] = true
		}
	}
	return slices.ContainsFunc(c.Partitions, func(p group.CommitPartition) bool {
		return f.places[group.OffsetPlace{Topic: p.Topic, Partition: p.Partition}]
	})
}

// nothing stands in for a commit that was overtaken where another agent is to decide it: it takes up its number.
func nothing(op meta.Op) meta.Op {
	return &group.OffsetCommit{Group: op.(*group.OffsetCommit).Group, Generation: -1, RetentionMs: -1}
}

// errOvertaken is what its client is told.
var errOvertaken = base.Errorf(base.CoordinatorNotAvailable, "a later commit of the same offset, through another agent, was faster")
