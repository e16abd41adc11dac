package control_test

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// commitOf is a simple consumer's commit of an offset.
func commitOf(name string, id base.TopicID, partition int32, offset int64) meta.Op {
	return &group.OffsetCommit{Group: name, Generation: -1, RetentionMs: -1, APIVersion: 8,
		Partitions: []group.CommitPartition{{Topic: id, Partition: partition, Offset: offset, LeaderEpoch: -1}}}
}

// kindOf waits for a command's verdict.
func kindOf(f *env.Future[*meta.Verdict]) base.Kind {
	v, err := f.Wait(time.Time{})
	if err != nil {
		return base.KindOf(err)
	}
	return v.Kind()
}

// A commit that is held up in an agent that stands still does not take the group back behind the next one, which its consumer has made
// at another agent meanwhile. What else waited there happens.
func TestOvertakenCommitStaysOut(t *testing.T) {
	for _, c := range []struct {
		name  string
		peers bool
		stuck int // of the agents; the first of those with peers is the sequencer
	}{
		{"in a sequencer", true, 0},
		{"in a follower", true, 2},
		{"in an agent by itself", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(5) {
				inWorld(t, seed, func(x *world) { overtaken(x, c.peers, c.stuck) })
			}
		})
	}
}

func overtaken(x *world, peers bool, stuck int) {
	var agents []*inhabitant
	for _, name := range []string{"a", "b", "c"} {
		agents = append(agents, x.join(name, peers, admin.AllRoles))
	}
	held, other := agents[stuck], agents[1]
	topic := createTopicIn(x, other)
	x.main.Sleep(5 * time.Second)

	held.p.Pause(3 * time.Second)
	first := held.Propose(commitOf("g", topic, 0, 10))
	second := held.Propose(commitOf("g", topic, 1, 5))
	third := held.Propose(commitOf("another", topic, 0, 5))
	if k := kindOf(other.Propose(commitOf("g", topic, 0, 20))); k != base.OK {
		x.Fatalf("the commit at another agent: %v", k)
	}
	for what, got := range map[string]struct{ kind, want base.Kind }{
		"the one that was overtaken": {kindOf(first), base.CoordinatorNotAvailable},
		"one of another partition":   {kindOf(second), base.OK},
		"one of another group":       {kindOf(third), base.OK},
	} {
		if got.kind != got.want {
			x.Errorf("seed %d: %s: %v, want %v", x.w.Seed(), what, got.kind, got.want)
		}
	}
	if o, _ := held.View().Groups.Get("g").Offset(topic, 0); o.Offset != 20 {
		x.Errorf("seed %d: the group is at %d, and committed 20 last", x.w.Seed(), o.Offset)
	}
}

// Commits of one client, several under way, happen in their order, through whichever agent.
func TestCommitsUnderWayAreNotOvertakenByTheirOwn(t *testing.T) {
	for _, peers := range []bool{true, false} {
		inWorld(t, 1, func(x *world) {
			a, b := x.join("a", peers, admin.AllRoles), x.join("b", peers, admin.AllRoles)
			topic := createTopicIn(x, a)
			for n, agent := range []*inhabitant{a, b} {
				var all []*env.Future[*meta.Verdict]
				for i := range int64(20) {
					all = append(all, agent.Propose(commitOf("g", topic, int32(n), i)))
					x.main.Sleep(3 * time.Millisecond)
				}
				for i, f := range all {
					if k := kindOf(f); k != base.OK {
						x.Errorf("commit %d of agent %d: %v", i, n, k)
					}
				}
			}
		})
	}
}

// Of two commits that wait for the same entry, and came through different agents, one is refused: which of them came first nobody knows. Tried
// again, the one whose client is still there stands, also beside a follower that stood still while it had the other.
func TestCommitsThatWaitForOneEntry(t *testing.T) {
	for _, still := range []bool{false, true} {
		inWorld(t, 1, func(x *world) {
			a, b := x.join("a", true, admin.AllRoles), x.join("b", true, admin.AllRoles)
			topic := createTopicIn(x, a)
			x.main.Sleep(5 * time.Second)
			x.pause = func(string) time.Duration { return 1500 * time.Millisecond }
			a.Propose(&admin.Renew{}) // its entry is on its way while both commits come
			x.main.Sleep(100 * time.Millisecond)
			if still {
				b.p.Pause(500 * time.Millisecond)
			}
			one := b.Propose(commitOf("g", topic, 0, 10))
			x.main.Sleep(300 * time.Millisecond)
			two := a.Propose(commitOf("g", topic, 0, 20))
			x.main.Sleep(500 * time.Millisecond)
			x.pause = nil
			k, l := kindOf(one), kindOf(two)
			if k == base.OK && l == base.OK || k != base.OK && l != base.OK {
				x.Errorf("still: %v: %v and %v, want one to be refused", still, k, l)
			}
			if l != base.OK {
				l = kindOf(a.Propose(commitOf("g", topic, 0, 20)))
			}
			x.main.Sleep(5 * time.Second)
			if o, _ := a.View().Groups.Get("g").Offset(topic, 0); l != base.OK || o.Offset != 20 {
				x.Errorf("still: %v: the last commit: %v, and the group is at %d", still, l, o.Offset)
			}
		})
	}
}

// A commit is as old as the View that its request came to, whatever its agent has read since.
func TestCommitIsAsOldAsItsRequest(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a, b := x.join("a", true, admin.AllRoles), x.join("b", true, admin.AllRoles)
		topic := createTopicIn(x, a)
		old := commitOf("g", topic, 0, 10)
		old.(*group.OffsetCommit).Since = b.View().Slot
		if k := kindOf(a.Propose(commitOf("g", topic, 0, 20))); k != base.OK {
			x.Error(k)
		}
		x.within(time.Second, "it is read", func() bool { return b.View().Slot >= a.View().Slot })
		if k := kindOf(b.Propose(old)); k != base.CoordinatorNotAvailable {
			x.Errorf("the older one: %v", k)
		}
		if k := kindOf(b.Propose(commitOf("g", topic, 0, 30))); k != base.OK {
			x.Errorf("a new one: %v", k)
		}
	})
}
