package franz

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
)

func member(t *testing.T, group, topic string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return client(t, append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic)}, opts...)...)
}

// poll keeps a member alive and thrown-away records flowing until the test ends.
func poll(t *testing.T, cl *kgo.Client) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			cl.PollFetches(ctx)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// assigned returns how many partitions each member of a stable group has, by client id.
func assigned(t *testing.T, adm *kadm.Client, group string) map[string]int {
	t.Helper()
	groups, err := adm.DescribeGroups(timeout(t), group)
	if err != nil {
		t.Fatal(err)
	}
	shares := map[string]int{}
	if groups[group].State != "Stable" {
		return shares
	}
	for _, m := range groups[group].Members {
		if c, ok := m.Assigned.AsConsumer(); ok {
			for _, topic := range c.Topics {
				shares[m.ClientID] += len(topic.Partitions)
			}
		}
	}
	return shares
}

func TestTwoMembersShareAndTakeOver(t *testing.T) {
	for name, balancer := range map[string]kgo.GroupBalancer{"cooperative": kgo.CooperativeStickyBalancer(), "eager": kgo.RangeBalancer()} {
		t.Run(name, func(t *testing.T) {
			topic, group, adm := topic(t, 4), harness.Name(t), admin(t)
			one := member(t, group, topic, kgo.Balancers(balancer), kgo.ClientID("one"))
			poll(t, one)
			eventually(t, "one has all", func() bool { return assigned(t, adm, group)["one"] == 4 })
			two := member(t, group, topic, kgo.Balancers(balancer), kgo.ClientID("two"))
			poll(t, two)
			eventually(t, "two each", func() bool {
				shares := assigned(t, adm, group)
				return shares["one"] == 2 && shares["two"] == 2
			})
			one.LeaveGroup()
			eventually(t, "two has all", func() bool { return assigned(t, adm, group)["two"] == 4 })
		})
	}
}

// Committed offsets outlive the members, and every agent's restart.
func TestGroupResumesAfterRestart(t *testing.T) {
	topic, group := topic(t, 1), harness.Name(t)
	fill(t, topic, 100)
	first := member(t, group, topic, kgo.DisableAutoCommit())
	got := consume(t, first, 100)
	if err := first.CommitRecords(timeout(t), got[:60]...); err != nil {
		t.Fatal(err)
	}
	first.Close()
	cluster(t).RestartAll()
	if got := consume(t, member(t, group, topic), 40); got[0].Offset != 60 {
		t.Errorf("resumed at offset %d, want 60", got[0].Offset)
	}
}

func TestAutoCommitOnClose(t *testing.T) {
	topic, group := topic(t, 2), harness.Name(t)
	produce(t, client(t), topic, "v", 50)
	cl := member(t, group, topic)
	consume(t, cl, 50)
	cl.PollFetches(func() context.Context {
		ctx, c := context.WithTimeout(context.Background(), 50*time.Millisecond)
		t.Cleanup(c)
		return ctx
	}())
	if err := cl.CommitUncommittedOffsets(timeout(t)); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	lags, err := admin(t).Lag(timeout(t), group)
	if err != nil || lags.Error() != nil {
		t.Fatal(err, lags.Error())
	}
	if total := lags[group].Lag.Total(); total != 0 || lags[group].State != "Empty" {
		t.Errorf("lag %d in state %s, want 0 in Empty", total, lags[group].State)
	}
}

// A static member that comes back within its session gets its partitions without a rebalance.
func TestStaticMemberReturns(t *testing.T) {
	topic, group, adm := topic(t, 4), harness.Name(t), admin(t)
	static := func(id string) *kgo.Client {
		return member(t, group, topic, kgo.InstanceID(id), kgo.ClientID(id), kgo.SessionTimeout(30*time.Second), kgo.Balancers(kgo.CooperativeStickyBalancer()))
	}
	one, two := static("one"), static("two")
	poll(t, one)
	poll(t, two)
	eventually(t, "two each", func() bool {
		shares := assigned(t, adm, group)
		return shares["one"] == 2 && shares["two"] == 2
	})
	one.Close() // a static member does not leave
	if shares := assigned(t, adm, group); shares["one"] != 2 {
		t.Fatalf("after the close: %v, want one still there", shares)
	}
	again := static("one")
	poll(t, again)
	eventually(t, "one is back", func() bool {
		shares := assigned(t, adm, group)
		return shares["one"] == 2 && shares["two"] == 2
	})
	left, err := adm.LeaveGroup(timeout(t), kadm.LeaveGroup(group).Reason("test").InstanceIDs("one"))
	if err != nil || !left.Ok() {
		t.Fatalf("removing a static member: %v, %v", err, left.Error())
	}
	eventually(t, "two has all, or one rejoined", func() bool {
		shares := assigned(t, adm, group)
		return shares["two"] == 4 || shares["one"] == 2
	})
}

func TestSecondInstanceOfAStaticMemberFencesTheFirst(t *testing.T) {
	topic, group := topic(t, 1), harness.Name(t)
	fenced := make(chan error, 16)
	first := member(t, group, topic, kgo.InstanceID("me"), kgo.HeartbeatInterval(200*time.Millisecond))
	go func() {
		for ctx := timeout(t); ctx.Err() == nil; {
			fetches := first.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachError(func(_ string, _ int32, err error) {
				select {
				case fenced <- err:
				default:
				}
			})
		}
	}()
	adm := admin(t)
	eventually(t, "the first is in", func() bool { return len(assigned(t, adm, group)) == 1 })
	poll(t, member(t, group, topic, kgo.InstanceID("me")))
	select {
	case err := <-fenced:
		var ge *kgo.ErrGroupSession
		if !errors.As(err, &ge) && !errors.Is(err, kerr.FencedInstanceID) {
			t.Errorf("the first instance got %v, want FENCED_INSTANCE_ID", err)
		}
	case <-time.After(waitMax):
		t.Error("the first instance was never fenced")
	}
}

// A member that dies without a word is out when its session ends.
func TestDeadMemberExpires(t *testing.T) {
	topic, group, adm := topic(t, 2), harness.Name(t), admin(t)
	opts := []kgo.Opt{kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond)}
	// A static member does not leave when it closes: as good as dead.
	dead := member(t, group, topic, append(opts, kgo.InstanceID("dead"), kgo.ClientID("dead"))...)
	alive := member(t, group, topic, append(opts, kgo.ClientID("alive"))...)
	poll(t, dead)
	poll(t, alive)
	eventually(t, "one each", func() bool {
		shares := assigned(t, adm, group)
		return shares["dead"] == 1 && shares["alive"] == 1
	})
	dead.Close()
	began := time.Now()
	eventually(t, "alive has all", func() bool { return assigned(t, adm, group)["alive"] == 2 })
	if took := time.Since(began); took < 4*time.Second {
		t.Errorf("expired after %v, want about 6 s", took)
	}
}

func TestGroupListDescribeDelete(t *testing.T) {
	topic, group, adm := topic(t, 2), harness.Name(t), admin(t)
	fill(t, topic, 10)
	cl := member(t, group, topic, kgo.ClientID("describes"))
	consume(t, cl, 10)
	poll(t, cl)
	eventually(t, "the group is stable", func() bool { return len(assigned(t, adm, group)) == 1 })

	listed, err := adm.ListGroups(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if g := listed[group]; g.ProtocolType != "consumer" || g.State != "Stable" {
		t.Errorf("listed as %+v, want a stable group of consumers", g)
	}
	if _, there := must(adm.ListGroups(timeout(t), "Empty"))(t)[group]; there {
		t.Error("listed among the empty groups")
	}
	described := must(adm.DescribeGroups(timeout(t), group))(t)[group]
	if m := described.Members; described.Err != nil || len(m) != 1 || m[0].ClientID != "describes" || m[0].ClientHost == "" {
		t.Errorf("described as %+v", described)
	}
	if got := must(adm.DeleteGroups(timeout(t), group))(t)[group].Err; !errors.Is(got, kerr.NonEmptyGroup) {
		t.Errorf("deleting a group with a member: %v, want NON_EMPTY_GROUP", got)
	}
	cl.LeaveGroup()
	eventually(t, "the group is empty", func() bool {
		return must(adm.DescribeGroups(timeout(t), group))(t)[group].State == "Empty"
	})
	if got := must(adm.DeleteGroups(timeout(t), group))(t)[group].Err; got != nil {
		t.Errorf("deleting an empty group: %v", got)
	}
	if got := must(adm.DeleteGroups(timeout(t), group))(t)[group].Err; !errors.Is(got, kerr.GroupIDNotFound) {
		t.Errorf("deleting it again: %v, want GROUP_ID_NOT_FOUND", got)
	}
	if got := must(adm.DescribeGroups(timeout(t), group))(t)[group]; got.State != "Dead" || !errors.Is(got.Err, kerr.GroupIDNotFound) {
		t.Errorf("describing a deleted group: %+v, want Dead and GROUP_ID_NOT_FOUND", got)
	}
}

func TestOffsetsOfGroups(t *testing.T) {
	topic, group, adm := topic(t, 3), harness.Name(t), admin(t)
	var want kadm.Offsets
	want.Add(kadm.Offset{Topic: topic, Partition: 0, At: 7, LeaderEpoch: 1, Metadata: "note"})
	want.Add(kadm.Offset{Topic: topic, Partition: 1, At: 9, LeaderEpoch: -1})
	want.Add(kadm.Offset{Topic: harness.Name(t), Partition: 0, At: 1, LeaderEpoch: -1}) // unknown topic

	// A group without members takes commits from anybody: that is how tools reset offsets.
	for topicName, parts := range must(adm.CommitOffsets(timeout(t), group, want))(t) {
		for p, r := range parts {
			if topicName == topic && r.Err != nil {
				t.Errorf("committing %s-%d: %v", topicName, p, r.Err)
			}
			if topicName != topic && !errors.Is(r.Err, kerr.UnknownTopicOrPartition) {
				t.Errorf("committing for an unknown topic: %v, want UNKNOWN_TOPIC_OR_PARTITION", r.Err)
			}
		}
	}
	got := must(adm.FetchOffsets(timeout(t), group))(t)
	if len(got) != 1 || len(got[topic]) != 2 {
		t.Errorf("all offsets: %v, want partitions 0 and 1 of %s", got, topic)
	}
	if o, _ := got.Lookup(topic, 0); o.At != 7 || o.Metadata != "note" || o.LeaderEpoch != 1 {
		t.Errorf("partition 0: %+v, want offset 7 with epoch and metadata", o)
	}
	asked := must(adm.FetchOffsetsForTopics(timeout(t), group, topic))(t)
	if o, _ := asked.Lookup(topic, 2); o.At != -1 {
		t.Errorf("partition 2 has offset %d, want -1: none committed", o.At)
	}
	unknown := must(adm.FetchOffsetsForTopics(timeout(t), group+"-unknown", topic))(t)
	if o, ok := unknown.Lookup(topic, 0); !ok || o.At != -1 || o.Err != nil {
		t.Errorf("an unknown group's offset: %+v, want -1 without an error", o)
	}

	var del kadm.TopicsSet
	del.Add(topic, 1)
	deleted := must(adm.DeleteOffsets(timeout(t), group, del))(t)
	if err := deleted.Error(); err != nil {
		t.Errorf("deleting an offset: %v", err)
	}
	if got := must(adm.FetchOffsets(timeout(t), group))(t); len(got[topic]) != 1 {
		t.Errorf("after deleting one of two: %v", got)
	}
	if _, err := adm.DeleteOffsets(timeout(t), group+"-unknown", del); !errors.Is(err, kerr.GroupIDNotFound) {
		t.Errorf("deleting offsets of an unknown group: %v, want GROUP_ID_NOT_FOUND", err)
	}
}

func TestOffsetDeleteSparesSubscribedTopics(t *testing.T) {
	topic, group, adm := topic(t, 1), harness.Name(t), admin(t)
	fill(t, topic, 5)
	cl := member(t, group, topic)
	consume(t, cl, 5)
	if err := cl.CommitUncommittedOffsets(timeout(t)); err != nil {
		t.Fatal(err)
	}
	var del kadm.TopicsSet
	del.Add(topic, 0)
	got := must(adm.DeleteOffsets(timeout(t), group, del))(t)
	if err, _ := got.Lookup(topic, 0); !errors.Is(err, kerr.GroupSubscribedToTopic) {
		t.Errorf("deleting the offset of a subscribed topic: %v, want GROUP_SUBSCRIBED_TO_TOPIC", err)
	}
}

func TestCommitFromAStrangerIsRefusedWhileThereAreMembers(t *testing.T) {
	topic, group, adm := topic(t, 1), harness.Name(t), admin(t)
	poll(t, member(t, group, topic))
	eventually(t, "the member is in", func() bool { return len(assigned(t, adm, group)) == 1 })
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, At: 3, LeaderEpoch: -1})
	if got := must(adm.CommitOffsets(timeout(t), group, offsets))(t)[topic][0].Err; !errors.Is(got, kerr.UnknownMemberID) {
		t.Errorf("committing beside a member: %v, want UNKNOWN_MEMBER_ID", got)
	}
}

// must turns a call's results into its value, failing the test on an error.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(fmt.Errorf("unexpected: %w", err))
		}
		return value
	}
}
