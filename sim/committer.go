package sim

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// groupName is the group that committers commit in.
const groupName = "g"

// committer is a consumer that commits its offset in one partition, higher each time, and looks whether it is there.
type committer struct {
	c         *Cluster
	p         *sim.Proc
	partition int32
	sent      int64
	acked     int64
	shown     map[string]int64 // by agent: in its last view
	at        map[int64]string // by offset: the agent that was asked for it
	doubts    map[int64]bool   // commits of unknown outcome: they may come later than their successors at the same agent, as in Kafka from a stalled broker
}

func (c *Cluster) newCommitter(name string, partition int32) {
	k := &committer{c: c, p: c.w.Proc(name), partition: partition, shown: map[string]int64{}, at: map[int64]string{}, doubts: map[int64]bool{}}
	c.committers = append(c.committers, k)
	k.p.Go("committer", k.run)
}

func (k *committer) run() {
	for {
		k.p.Sleep(k.c.pause(3 * time.Second))
		a := k.c.anyAgent()
		switch {
		case a == nil:
		case k.c.w.Uint64()%4 == 0:
			k.look(a)
		default:
			k.commit(a)
		}
	}
}

func (k *committer) commit(a *agent) {
	k.sent++
	k.at[k.sent] = a.name
	op := &group.OffsetCommit{Group: groupName, Generation: -1, RetentionMs: -1, APIVersion: 8,
		Partitions: []group.CommitPartition{{Topic: k.c.topic, Partition: k.partition, Offset: k.sent, LeaderEpoch: -1}}}
	v, err := ask(k.p, a, requestTimeout, func() (*meta.Verdict, error) { return a.control.Propose(op).Wait(time.Time{}) })
	if err != nil {
		k.doubts[op.Partitions[0].Offset] = true
		return
	}
	if v.Kind() == base.CoordinatorNotAvailable {
		k.c.marks.Hit(CommitOvertaken)
		return
	}
	if v.Kind() != base.OK {
		k.c.audit.violated(CheckLostCommit, "%s: commit of %d was refused: %v", k.p.Name(), k.sent, v.Kind())
		return
	}
	k.acked = k.sent
	k.c.marks.Hit(OffsetCommitted)
}

// view holds the offset in what an agent publishes against what that agent published before: each commit is higher than
// those before it.
func (k *committer) view(agent string, v meta.View) {
	o, _ := v.Groups.Get(groupName).Offset(k.c.topic, k.partition)
	if was := k.shown[agent]; o.Offset < was && !k.mayBeLate(o.Offset, was) {
		k.c.audit.violated(CheckLostCommit, "at %s the offset of partition %d was %d, and after slot %d it is %d, which was committed before", agent, k.partition, was, v.Slot, o.Offset)
	}
	k.shown[agent] = o.Offset
}

// mayBeLate reports whether a commit may have come after a later one.
func (k *committer) mayBeLate(offset, than int64) bool {
	return k.doubts[offset] && k.at[offset] == k.at[than]
}

// look asks for the offset behind a barrier, as OffsetFetch does.
func (k *committer) look(a *agent) {
	before := k.acked
	v, err := ask(k.p, a, 30*time.Second, func() (meta.View, error) { return a.journal.Barrier(a.p.Now().Add(20 * time.Second)) })
	if err != nil {
		return
	}
	o, _ := v.Groups.Get(groupName).Offset(k.c.topic, k.partition)
	switch {
	case o.Offset > k.sent, o.Offset < before && !k.mayBeLate(o.Offset, before):
		k.c.audit.violated(CheckLostCommit, "%s committed %d, sent up to %d, and reads %d at %s", k.p.Name(), before, k.sent, o.Offset, a.name)
	case o.Offset < before:
		k.c.marks.Hit(OffsetWentBack)
	}
}
