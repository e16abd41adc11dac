package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/compat/harness"
)

func joinRequest(group, member string, protocols ...string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.ProtocolType = 5, group, member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 30_000, 5_000
	for _, p := range protocols {
		jp := kmsg.NewJoinGroupRequestProtocol()
		jp.Name, jp.Metadata = p, subscription()
		req.Protocols = append(req.Protocols, jp)
	}
	return req
}

// subscription is what a consumer says when it joins. Kafka's coordinator reads it, and leaves a join whose
// subscription it cannot read without an answer.
func subscription() []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Topics = []string{"some-topic"}
	return meta.AppendTo(nil)
}

// joined makes a group with one member, its leader, in a stable generation 1.
func joined(t *testing.T) (c *conn, group, member string) {
	t.Helper()
	c, group = dial(t), harness.Name(t)
	resp := c.ask(joinRequest(group, "", "range")).(*kmsg.JoinGroupResponse)
	if resp.ErrorCode != 79 || resp.MemberID == "" {
		t.Fatalf("joining without an id: error %d, id %q, want 79 and an id", resp.ErrorCode, resp.MemberID)
	}
	resp = c.ask(joinRequest(group, resp.MemberID, "range")).(*kmsg.JoinGroupResponse)
	if resp.ErrorCode != 0 || resp.Generation != 1 || resp.LeaderID != resp.MemberID || len(resp.Members) != 1 {
		t.Fatalf("joining: %+v", resp)
	}
	if code := c.sync(group, resp.MemberID, 1, "range"); code != 0 {
		t.Fatalf("syncing: error %d", code)
	}
	return c, group, resp.MemberID
}

func (c *conn) sync(group, member string, generation int32, protocol string) int16 {
	c.t.Helper()
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 5, group, member, generation
	kind := "consumer"
	req.ProtocolType, req.Protocol = &kind, &protocol
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	assigned := kmsg.NewConsumerMemberAssignment()
	a.MemberID, a.MemberAssignment = member, assigned.AppendTo(nil)
	req.GroupAssignment = append(req.GroupAssignment, a)
	return c.ask(req).(*kmsg.SyncGroupResponse).ErrorCode
}

func (c *conn) heartbeat(group, member string, generation int32) int16 {
	c.t.Helper()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 4, group, member, generation
	return c.ask(req).(*kmsg.HeartbeatResponse).ErrorCode
}

func (c *conn) commit(group, member string, generation int32, topic string, partition int32, metadata string) int16 {
	c.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 8, group, member, generation
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Partition, rp.Offset, rp.Metadata = partition, 3, &metadata
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return c.ask(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
}

func want(t *testing.T, what string, got, want int16) {
	t.Helper()
	if got != want {
		t.Errorf("%s: error %d, want %d", what, got, want)
	}
}

func TestStaleMembersAndGenerations(t *testing.T) {
	topic, _ := create(t, 1)
	c, group, member := joined(t)
	want(t, "heartbeat", c.heartbeat(group, member, 1), 0)
	want(t, "heartbeat of generation 0", c.heartbeat(group, member, 0), 22)
	want(t, "heartbeat of generation 2", c.heartbeat(group, member, 2), 22)
	want(t, "heartbeat of a stranger", c.heartbeat(group, "stranger", 1), 25)
	want(t, "heartbeat to an unknown group", c.heartbeat(group+"-unknown", member, 1), 25)
	want(t, "commit", c.commit(group, member, 1, topic, 0, ""), 0)
	want(t, "commit of generation 0", c.commit(group, member, 0, topic, 0, ""), 22)
	want(t, "commit of a stranger", c.commit(group, "stranger", 1, topic, 0, ""), 25)
	want(t, "commit without a member", c.commit(group, "", -1, topic, 0, ""), 25)
	want(t, "commit to an unknown group with a generation", c.commit(group+"-unknown", "m", 1, topic, 0, ""), 22)
	want(t, "commit of an unknown partition", c.commit(group, member, 1, topic, 8, ""), 3)
	want(t, "commit of a negative partition", c.commit(group, member, 1, topic, -1, ""), 3)
	want(t, "commit with metadata of 5,000 bytes", c.commit(group, member, 1, topic, 0, strings.Repeat("x", 5000)), 12)
	want(t, "sync of generation 0", c.sync(group, member, 0, "range"), 22)
	want(t, "sync of a stranger", c.sync(group, "stranger", 1, "range"), 25)
	want(t, "sync under another protocol", c.sync(group, member, 1, "roundrobin"), 23)
	want(t, "heartbeat after all that", c.heartbeat(group, member, 1), 0)
}

func TestJoinsThatCannotBe(t *testing.T) {
	_, group, _ := joined(t)
	fresh := harness.Name(t)
	alter := func(req *kmsg.JoinGroupRequest, f func(*kmsg.JoinGroupRequest)) *kmsg.JoinGroupRequest {
		f(req)
		return req
	}
	for name, tc := range map[string]struct {
		req  *kmsg.JoinGroupRequest
		want int16
	}{
		"empty group":        {joinRequest("", "", "range"), 24},
		"unknown member":     {joinRequest(group, "stranger", "range"), 25},
		"unknown group":      {joinRequest(fresh, "stranger", "range"), 25},
		"no protocols":       {joinRequest(fresh, ""), 23},
		"no common protocol": {joinRequest(group, "", "roundrobin"), 23},
		"another type":       {alter(joinRequest(group, "", "range"), func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "connect" }), 23},
		"no type":            {alter(joinRequest(fresh, "", "range"), func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "" }), 23},
		"session too short":  {alter(joinRequest(fresh, "", "range"), func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 1 }), 26},
		"session too long":   {alter(joinRequest(fresh, "", "range"), func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 1 << 30 }), 26},
		"session negative":   {alter(joinRequest(fresh, "", "range"), func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = -1 }), 26},
		"unknown static":     {alter(joinRequest(group, "stranger", "range"), func(r *kmsg.JoinGroupRequest) { r.InstanceID = new("me") }), 25},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t)
			want(t, "join", c.ask(tc.req).(*kmsg.JoinGroupResponse).ErrorCode, tc.want)
		})
	}
}

func TestLeavesThatCannotBe(t *testing.T) {
	c, group, member := joined(t)
	leave := func(group, member string) int16 {
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version, req.Group = 4, group
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = member
		req.Members = append(req.Members, m)
		resp := c.ask(req).(*kmsg.LeaveGroupResponse)
		if resp.ErrorCode != 0 || len(resp.Members) == 0 {
			return resp.ErrorCode
		}
		return resp.Members[0].ErrorCode
	}
	want(t, "a stranger", leave(group, "stranger"), 25)
	want(t, "an unknown group", leave(group+"-unknown", member), 25)
	want(t, "the member", leave(group, member), 0)
	want(t, "the member again", leave(group, member), 25)
	want(t, "its heartbeat", c.heartbeat(group, member, 1), 25)
}

// A second member starts a rebalance: the first hears of it, must rejoin, and both get generation 2.
func TestRebalanceStepByStep(t *testing.T) {
	topic, _ := create(t, 1)
	one, group, first := joined(t)
	two := dial(t)
	second := two.ask(joinRequest(group, "", "range")).(*kmsg.JoinGroupResponse).MemberID
	pending := joinRequest(group, second, "range")
	two.send(two.encode(pending))
	deadline := time.Now().Add(waitMax)
	for one.heartbeat(group, first, 1) != 27 {
		if time.Now().After(deadline) {
			t.Fatal("the first member never heard of the rebalance")
		}
		time.Sleep(10 * time.Millisecond)
	}
	want(t, "commit while members join", one.commit(group, first, 1, topic, 0, ""), 0)
	again := one.ask(joinRequest(group, first, "range")).(*kmsg.JoinGroupResponse)
	late := two.answer(pending, two.next).(*kmsg.JoinGroupResponse)
	if again.Generation != 2 || late.Generation != 2 || len(again.Members) != 2 || len(late.Members) != 0 || late.LeaderID != first {
		t.Fatalf("after the rebalance: %+v and %+v", again, late)
	}
	want(t, "commit while the leader assigns", one.commit(group, first, 2, topic, 0, ""), 27)
	want(t, "heartbeat of the old generation", one.heartbeat(group, first, 1), 22)
	want(t, "the leader's sync", one.sync(group, first, 2, "range"), 0)
	want(t, "the other's sync", two.sync(group, second, 2, "range"), 0)
	want(t, "commit of the new generation", one.commit(group, first, 2, topic, 0, ""), 0)
}

func TestGroupsThatAreNotThere(t *testing.T) {
	c, name := dial(t), harness.Name(t)
	for version, code := range map[int16]int16{5: 0, 6: 69} {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Version, req.Groups = version, []string{name}
		got := c.ask(req).(*kmsg.DescribeGroupsResponse).Groups[0]
		if got.State != "Dead" || got.ErrorCode != code {
			t.Errorf("describing in version %d: state %s, error %d, want Dead and %d", version, got.State, got.ErrorCode, code)
		}
	}
	coordinator := kmsg.NewPtrFindCoordinatorRequest()
	coordinator.Version, coordinator.CoordinatorType, coordinator.CoordinatorKeys = 4, 99, []string{name}
	resp := c.ask(coordinator).(*kmsg.FindCoordinatorResponse)
	if len(resp.Coordinators) != 1 || resp.Coordinators[0].ErrorCode != 42 {
		t.Errorf("coordinator of an unknown type: %+v, want error 42", resp)
	}
}
