package coord_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// Two members share, one leaves, and the other has all.
func TestMembersShareAndLeave(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a")
		one := b.consume(a, "one")
		b.until("one has all", time.Second, func() bool { return allOf(one) })
		two := b.consume(a, "two")
		b.until("they share", 5*time.Second, func() bool { return allOf(one, two) })

		two.dead = true
		r, err := a.Ask(&group.Leave{Group: groupName, Members: []group.Leaver{{MemberID: two.id}}}).Wait(b.soon())
		check(err)
		if r.Part(0) != base.OK {
			panic(fmt.Sprint("leave: ", r.Part(0)))
		}
		b.until("one has all again", 5*time.Second, func() bool { return allOf(one) })
	})
}

// Agents that have only the bucket in common serve one group.
func TestMembersOfTwoAgents(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one := b.consume(a1, "one")
		b.main.Sleep(7 * time.Second)
		two := b.consume(a2, "two")
		b.until("by a1 the round with both is over", 30*time.Second, func() bool {
			return len(a1.group(groupName).Members()) == 2 && a1.group(groupName).State() != "PreparingRebalance"
		})
		b.until("both are told at once", 400*time.Millisecond, func() bool { return allOf(one, two) })
		b.during("they share", 2*time.Minute, func() bool { return allOf(one, two) })
		if !a1.tends(one) || !a2.tends(two) {
			panic("not tended by the agents they speak to")
		}
	})
}

// A member, leader or not, that falls silent is out after its session, and not before.
func TestSilentMemberExpires(t *testing.T) {
	for _, leader := range []bool{true, false} {
		simulate(t, func(b *bed) {
			a := b.start("a")
			one, two := b.consume(a, "one"), b.consume(a, "two")
			b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
			victim, other := one, two
			if (a.group(groupName).Leader == one.id) != leader {
				victim, other = two, one
			}
			victim.dead = true
			b.during("the silent one is a member", 6*time.Second, func() bool { return a.group(groupName).Member(victim.id) != nil })
			b.until("the silent one is out", 5*time.Second, func() bool { return a.group(groupName).Member(victim.id) == nil })
			b.until("the other has all", 5*time.Second, func() bool { return allOf(other) })
		})
	}
}

// A member that falls silent while a round is prepared, or does not sync, holds the others up for the rebalance timeout
// and no longer.
func TestRoundEndsByItsDeadline(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a")
		long := func(c *consumer) { c.session = 5 * time.Minute }
		one, two := b.consume(a, "one", long), b.consume(a, "two", long)
		b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
		two.dead = true
		three := b.consume(a, "three", long)
		b.during("the silent one is waited for", 18*time.Second, func() bool { return three.assignment == "" })
		b.until("the others share", 9*time.Second, func() bool { return allOf(one, three) })
	})
}

// A member that waits longer than its session for a round to end cannot be heard meanwhile, and is not expired for it.
func TestWaitingOutlastsTheSession(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a")
		one, two := b.consume(a, "one"), b.consume(a, "two", func(c *consumer) { c.session = 5 * time.Minute })
		b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
		two.dead, one.thinks = true, 3*time.Second
		three := b.consume(a, "three")
		b.until("the others share", 30*time.Second, func() bool { return allOf(one, three) })
		b.during("they share", time.Minute, func() bool { return allOf(one, three) })
		if a.expiries > 0 {
			panic(fmt.Sprint(a.expiries, " expiries were proposed"))
		}
	})
}

// A group that all left while it waited for more members is called empty in the end.
func TestAllLeaveInTheFirstRound(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a", "group.initial.rebalance.delay.ms", "10000")
		one := b.consume(a, "one")
		b.until("one waits", 5*time.Second, func() bool { return len(a.group(groupName).Members()) == 1 })
		one.dead = true
		_, err := a.Ask(&group.Leave{Group: groupName, Members: []group.Leaver{{MemberID: one.id}}}).Wait(b.soon())
		check(err)
		b.until("the group is empty", 20*time.Second, func() bool { return a.group(groupName).State() == "Empty" })
	})
}

// A member whose heartbeats come to another agent is tended there.
func TestMemberMoves(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one := b.consume(a1, "one")
		b.until("one has all", 10*time.Second, func() bool { return allOf(one) })
		generation := one.generation
		one.at = a2
		b.until("a2 tends it", 5*time.Second, func() bool { return a2.tends(one) })
		b.during("it stays", time.Minute, func() bool {
			g := a2.group(groupName)
			return a2.tends(one) && g.Generation == generation && one.joins == 1
		})
	})
}

// A new group waits for more members, though nothing else brings news of the bucket's time.
func TestInitialDelay(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a", "group.initial.rebalance.delay.ms", "3000")
		began := b.Elapsed()
		one := b.consume(a, "one")
		b.until("one has all", 6*time.Second, func() bool { return allOf(one) })
		if took := b.Elapsed() - began; took < 3*time.Second {
			panic(fmt.Sprint("the first round took ", took))
		}
	})
}

// When the tender dies its members, that other agents hear from, are nobody's loss.
func TestTenderDies(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one, two := b.consume(a1, "one"), b.consume(a1, "two")
		b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
		generation := one.generation
		dead := a1.control.Self()
		a1.proc.Kill()
		one.at, two.at = a2, a2
		b.until("the members are adopted", 15*time.Second, func() bool {
			return a2.tends(one) && a2.tends(two)
		})
		b.during("nobody is expired, nor a round begun", 3*time.Minute, func() bool {
			g := a2.group(groupName)
			return len(g.Members()) == 2 && g.Generation == generation && g.State() == "Stable"
		})
		if a2.control.View().Admin.Live(dead) {
			panic("the dead agent is still registered")
		}
	})
}

// Members that die with their tender are adopted by another agent, which expires them after a full session.
func TestTenderAndMemberDie(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one := b.consume(a1, "one")
		b.until("one has all", 10*time.Second, func() bool { return allOf(one) })
		dead := a1.control.Self()
		one.dead = true
		a1.proc.Kill()
		b.until("the dead agent is expired", 4*time.Minute, func() bool { return !a2.control.View().Admin.Live(dead) })
		b.during("the member has a full session", 9*time.Second, func() bool { return a2.group(groupName).Member(one.id) != nil })
		b.until("the member is expired", 10*time.Second, func() bool { return a2.group(groupName).Member(one.id) == nil })
	})
}

// A round that waits for members of a dead agent ends.
func TestTenderDiesInARound(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one := b.consume(a1, "one")
		b.until("one has all", 10*time.Second, func() bool { return allOf(one) })
		one.dead = true
		two := b.consume(a2, "two")
		b.until("a round is prepared", 5*time.Second, func() bool { return a2.group(groupName).State() == "PreparingRebalance" })
		a1.proc.Kill()
		b.until("two has all", 40*time.Second, func() bool { return allOf(two) })
	})
}

// A static member that restarts takes its place again without a rebalance.
func TestStaticMemberRestarts(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a")
		one, two := b.consume(a, "one", static("i1")), b.consume(a, "two", static("i2"))
		b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
		generation, had := one.generation, share(one, two)
		one.dead, two.dead = true, true
		again, also := b.consume(a, "one", static("i1")), b.consume(a, "two", static("i2"))
		b.until("they share", 10*time.Second, func() bool { return allOf(again, also) })
		if again.generation != generation || also.generation != generation || fmt.Sprint(share(again, also)) != fmt.Sprint(had) {
			panic(fmt.Sprint("generation ", again.generation, also.generation, " was ", generation, ", shares ", share(again, also), " were ", had))
		}
		b.during("they stay", time.Minute, func() bool { return a.group(groupName).Generation == generation })
	})
}

// An agent that stood still holds the silence against nobody.
func TestStalledTender(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a")
		one, two := b.consume(a, "one"), b.consume(a, "two")
		b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
		generation := one.generation
		b.main.Sleep(5 * time.Second) // the sessions are under way
		b.freeze(a, time.Minute)
		b.during("nobody is expired", time.Minute, func() bool {
			g := a.group(groupName)
			return len(g.Members()) == 2 && g.Generation == generation
		})
		one.dead = true
		b.until("a member that is silent after that is expired", 20*time.Second, func() bool { return allOf(two) })
	})
}

// A group that only heartbeats costs the bucket nothing beyond what an idle agent does.
func TestIdleGroupIsFree(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a")
		idle := func() int {
			b.main.Sleep(7 * time.Minute) // the snapshot of what happened before is made by then
			before := b.requests
			b.main.Sleep(12 * time.Minute) // whole rounds of renewals and snapshots
			return b.requests - before
		}
		alone := idle()
		one, two := b.consume(a, "one"), b.consume(a, "two")
		b.until("they share", 10*time.Second, func() bool { return allOf(one, two) })
		if with := idle(); with > alone+2 {
			panic(fmt.Sprintf("%d requests in 12 minutes with an idle group, %d without", with, alone))
		}
	})
}

// A commit whose agent is expired meanwhile, as it stood still, is made once that has registered anew, but not behind one that its
// consumer has made at another agent.
func TestCommitOfAnAgentThatIsExpired(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		simulate(t, func(b *bed) {
			a1, a2 := b.start("a1"), b.start("a2")
			commit := func(a *agent, offset int64) *env.Future[group.Reply] {
				return a.Ask(&group.OffsetCommit{Group: groupName, Generation: -1, RetentionMs: -1, APIVersion: 8,
					Partitions: []group.CommitPartition{{Topic: base.TopicID{1}, Offset: offset, LeaderEpoch: -1}}})
			}
			was := a1.control.Self()
			first := commit(a1, 5)
			a1.proc.Pause(15 * time.Second) // less than a command may wait
			_, err := a2.control.Propose(&admin.Expire{Incarnation: was, Broken: true}).Wait(b.soon())
			check(err)
			want := group.Reply{Kind: base.OK}
			offset := int64(5)
			if elsewhere {
				r, err := commit(a2, 7).Wait(b.soon())
				check(err)
				if r.Kind != base.OK {
					panic(fmt.Sprint("at the other agent: ", r.Kind))
				}
				want.Kind, offset = base.CoordinatorNotAvailable, 7
			}
			r, err := first.Wait(b.soon())
			check(err)
			if a1.control.Self() == was {
				panic("the agent was not expired: the story shows nothing")
			}
			if o, _ := a1.group(groupName).Offset(base.TopicID{1}, 0); r.Kind != want.Kind || o.Offset != offset {
				panic(fmt.Sprintf("elsewhere: %v: %v, and the group is at %d; want %v and %d", elsewhere, r.Kind, o.Offset, want.Kind, offset))
			}
		})
	}
}

// What an agent has not heard of yet is no reason to refuse: it looks at the end of the journal first.
func TestCommitAtAnAgentThatLags(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one := b.consume(a1, "one")
		b.until("one has all", 10*time.Second, func() bool { return allOf(one) })
		if a2.group(groupName) != nil {
			panic("a2 does not lag: the story shows nothing")
		}
		r, err := a2.Ask(&group.OffsetCommit{Group: groupName, MemberID: one.id, Generation: one.generation, RetentionMs: -1, APIVersion: 8,
			Partitions: []group.CommitPartition{{Topic: base.TopicID{1}, Offset: 5, LeaderEpoch: -1}}}).Wait(b.soon())
		check(err)
		if r.Kind != base.OK || a2.group(groupName).OffsetCount() != 1 {
			panic(fmt.Sprint("commit: ", r.Kind))
		}
	})
}

// Who is not a member is refused, and only after a look at the end of the journal.
func TestRefusals(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		one := b.consume(a1, "one")
		b.until("one has all", 10*time.Second, func() bool { return allOf(one) })
		for _, c := range []struct {
			beat coord.Beat
			want base.Kind
		}{
			{coord.Beat{Group: groupName, MemberID: "nobody", Generation: 1}, base.UnknownMemberID},
			{coord.Beat{Group: groupName, MemberID: one.id, Generation: one.generation + 1}, base.IllegalGeneration},
			{coord.Beat{Group: "", MemberID: one.id}, base.InvalidGroupID},
			{coord.Beat{Group: "none", MemberID: one.id}, base.UnknownMemberID},
			// a2 has heard nothing of this member yet: the barrier tells.
			{coord.Beat{Group: groupName, MemberID: one.id, Generation: one.generation}, base.OK},
		} {
			k, err := a2.Heartbeat(c.beat).Wait(b.soon())
			check(err)
			if k != c.want {
				panic(fmt.Sprintf("heartbeat %+v: %v, want %v", c.beat, k, c.want))
			}
		}
	})
}

// One seed is one history: nothing depends on the order of a map, or on a clock that is not the world's.
func TestOneSeedOneHistory(t *testing.T) {
	story := func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		var all []*consumer
		for i := range 12 {
			all = append(all, b.consume([]*agent{a1, a2}[i%2], fmt.Sprint("c", i)))
		}
		b.until("they share", time.Minute, func() bool { return allOf(all...) })
		a1.proc.Kill()
		for _, c := range all {
			c.at, c.dead = a2, c.at == a1
		}
		b.main.Sleep(2 * time.Minute)
	}
	if first, second := simulateOne(t, 7, story), simulateOne(t, 7, story); first != second {
		t.Fatalf("the same seed went %x, then %x", first, second)
	}
}

// Committed offsets of a group without members go after their retention, and the group with them.
func TestOffsetsExpire(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a", "offsets.retention.minutes", "60")
		commit := &group.OffsetCommit{Group: groupName, Generation: -1, RetentionMs: -1, APIVersion: 8,
			Partitions: []group.CommitPartition{{Topic: base.TopicID{1}, Offset: 5, LeaderEpoch: -1}}}
		r, err := a.Ask(commit).Wait(b.soon())
		check(err)
		if r.Kind != base.OK {
			panic(fmt.Sprint("commit: ", r.Kind))
		}
		b.during("the group is there", 59*time.Minute, func() bool { return a.group(groupName) != nil })
		b.until("the group is gone", 12*time.Minute, func() bool { return a.group(groupName) == nil })
	})
}

// Clients are sent to the agent that tends the group; while nobody does, all agents name the same one; and the dead are
// not named once they broke their promise.
func TestCoordinator(t *testing.T) {
	simulate(t, func(b *bed) {
		a1, a2 := b.start("a1"), b.start("a2")
		tender, other := a1, a2
		if a1.Coordinator(groupName) == a1.control.Self() {
			tender, other = a2, a1
		}
		one := b.consume(tender, "one")
		b.until("the other agent knows", 15*time.Second, func() bool { return other.group(groupName).Member(one.id) != nil })
		if x, y := tender.Coordinator(groupName), other.Coordinator(groupName); x != tender.control.Self() || y != x {
			panic(fmt.Sprint("named are ", x, " and ", y, ", not the tender"))
		}
		if x, y := a1.Coordinator("nobody's"), a2.Coordinator("nobody's"); x != y {
			panic(fmt.Sprint("two agents name ", x, " and ", y))
		}
		one.dead = true
		tender.proc.Kill()
		b.until("the dead is not named", 20*time.Second, func() bool { return other.Coordinator(groupName) == other.control.Self() })
	})
}

// An agent that stops lets those who wait go elsewhere.
func TestStopAnswersTheParked(t *testing.T) {
	simulate(t, func(b *bed) {
		a := b.start("a", "group.initial.rebalance.delay.ms", "60000")
		f := a.Join(group.Join{Group: groupName, ClientID: "one", ProtocolType: "consumer", Protocols: []group.Protocol{{Name: "range"}},
			SessionTimeoutMs: 10_000, RebalanceTimeoutMs: 60_000}, 3)
		b.until("it waits for the round", time.Second, func() bool { return a.group(groupName) != nil })
		if f.Done() {
			panic("answered before the round's end")
		}
		a.Stop(b.soon())
		if j, err := f.Wait(b.soon()); err != nil || j.Kind != base.CoordinatorNotAvailable {
			panic(fmt.Sprintf("%+v %v", j, err))
		}
	})
}
