package broker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// quick has rebalances begin at once.
func quick(_ *Config, _ *Deps, c *controlConfig) {
	c.Static = map[string]string{"group.initial.rebalance.delay.ms": "0"}
}

func joinRequest(name, member string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Group, r.MemberID, r.ProtocolType, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = name, member, "consumer", 10_000, 10_000
	// A subscription of no topics (version 0 of the consumer protocol).
	r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}
	return r
}

// member is a client that joined a group alone and is Stable in it.
func (b *bed) member(name string, version int16) (id string, generation int32) {
	b.t.Helper()
	a := ask[*kmsg.JoinGroupResponse](b.client, version, joinRequest(name, ""))
	if a.ErrorCode == int16(base.MemberIDRequired) {
		a = ask[*kmsg.JoinGroupResponse](b.client, version, joinRequest(name, a.MemberID))
	}
	if a.ErrorCode != 0 || a.LeaderID != a.MemberID || len(a.Members) != 1 || *a.Protocol != "range" {
		b.t.Fatalf("join v%d: %+v", version, a)
	}
	kind, protocol := "consumer", "range"
	s := kmsg.NewPtrSyncGroupRequest()
	s.Group, s.MemberID, s.Generation, s.ProtocolType, s.Protocol = name, a.MemberID, a.Generation, &kind, &protocol
	s.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: a.MemberID, MemberAssignment: []byte("mine")}}
	if got := ask[*kmsg.SyncGroupResponse](b.client, min(version, 5), s); got.ErrorCode != 0 || string(got.MemberAssignment) != "mine" {
		b.t.Fatalf("sync v%d: %+v", version, got)
	}
	return a.MemberID, a.Generation
}

func TestGroupLifeEveryVersion(t *testing.T) {
	b := newBed(t, quick)
	for v := int16(0); v <= 9; v++ {
		name := fmt.Sprintf("g%d", v)
		id, generation := b.member(name, v)
		h := kmsg.NewPtrHeartbeatRequest()
		h.Group, h.MemberID, h.Generation = name, id, generation
		if a := ask[*kmsg.HeartbeatResponse](b.client, min(v, 4), h); a.ErrorCode != 0 {
			t.Errorf("heartbeat v%d: error %d", v, a.ErrorCode)
		}
		h.Generation++
		if a := ask[*kmsg.HeartbeatResponse](b.client, min(v, 4), h); a.ErrorCode != int16(base.IllegalGeneration) {
			t.Errorf("heartbeat of a generation to come v%d: error %d", v, a.ErrorCode)
		}
		l := kmsg.NewPtrLeaveGroupRequest()
		l.Group, l.MemberID, l.Members = name, id, []kmsg.LeaveGroupRequestMember{{MemberID: id}, {MemberID: "stranger"}}
		a := ask[*kmsg.LeaveGroupResponse](b.client, min(v, 5), l)
		if a.ErrorCode != 0 || v >= 3 && (len(a.Members) != 2 || a.Members[0].ErrorCode != 0 || a.Members[1].ErrorCode != int16(base.UnknownMemberID)) {
			t.Errorf("leave v%d: %+v", v, a)
		}
		l.MemberID = "stranger"
		if a := ask[*kmsg.LeaveGroupResponse](b.client, 1, l); a.ErrorCode != int16(base.UnknownMemberID) {
			t.Errorf("a stranger leaves: error %d", a.ErrorCode)
		}
	}
}

func TestJoinGroupRefusals(t *testing.T) {
	b := newBed(t, quick)
	short := joinRequest("g", "")
	short.SessionTimeoutMillis = 1
	unknown := joinRequest("g", "nobody")
	for name, c := range map[string]struct {
		r    *kmsg.JoinGroupRequest
		want base.Kind
	}{
		"no group":       {joinRequest("", ""), base.InvalidGroupID},
		"short session":  {short, base.InvalidSessionTimeout},
		"unknown member": {unknown, base.UnknownMemberID},
	} {
		for _, v := range []int16{0, 3, 6, 7, 9} {
			a := ask[*kmsg.JoinGroupResponse](b.client, v, c.r)
			if a.ErrorCode != int16(c.want) || a.Generation != -1 || (v >= 7) != (a.Protocol == nil) {
				t.Errorf("%s v%d: %+v", name, v, a)
			}
		}
	}
	s := kmsg.NewPtrSyncGroupRequest()
	s.Group, s.MemberID = "g", "nobody"
	if a := ask[*kmsg.SyncGroupResponse](b.client, 4, s); a.ErrorCode != int16(base.UnknownMemberID) {
		t.Errorf("sync of nobody: error %d", a.ErrorCode)
	}
	if a := ask[*kmsg.SyncGroupResponse](b.client, 5, s); a.ErrorCode != int16(base.InconsistentGroupProtocol) {
		t.Errorf("sync without a protocol: error %d", a.ErrorCode)
	}
}

// A join that is parked does not hold up an agent that drains.
func TestDrainEndsParkedJoins(t *testing.T) {
	b := newBed(t, func(_ *Config, _ *Deps, c *controlConfig) {
		c.Static = map[string]string{"group.initial.rebalance.delay.ms": "60000"}
	})
	r := joinRequest("g", "")
	r.SetVersion(3)
	id := b.client.send(r)
	eventually(t, "a parked join", func() bool { return b.control.View().Groups.Get("g") != nil })
	go b.broker.Drain(soon())
	if a := b.client.receive(r, id).(*kmsg.JoinGroupResponse); a.ErrorCode != int16(base.CoordinatorNotAvailable) {
		t.Errorf("%+v", a)
	}
}

func TestFindCoordinator(t *testing.T) {
	b := newBed(t)
	for v := int16(0); v <= 6; v++ {
		r := kmsg.NewPtrFindCoordinatorRequest()
		r.CoordinatorKey, r.CoordinatorKeys = "g", []string{"g", "h"}
		a := ask[*kmsg.FindCoordinatorResponse](b.client, v, r)
		if v < 4 {
			a.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{{NodeID: a.NodeID, ErrorCode: a.ErrorCode, Port: a.Port}}
		}
		for _, c := range a.Coordinators {
			if c.ErrorCode != 0 || c.NodeID != b.control.Self().NodeID() || c.Port == 0 {
				t.Errorf("v%d: %+v", v, a)
			}
		}
		if v < 1 {
			continue
		}
		for kind, want := range map[int8]base.Kind{1: base.TransactionalIDAuthorization, 2: base.InvalidRequest} {
			r.CoordinatorType = kind
			a = ask[*kmsg.FindCoordinatorResponse](b.client, v, r)
			if v >= 4 {
				a.ErrorCode, a.ErrorMessage = a.Coordinators[0].ErrorCode, a.Coordinators[0].ErrorMessage
			}
			if a.ErrorCode != int16(want) || a.ErrorMessage == nil {
				t.Errorf("v%d type %d: %+v", v, kind, a)
			}
		}
	}
}

// Clients such as franz-go know no agents but those of their Metadata, which may be those of one zone.
func TestTheCoordinatorIsOneThatTheClientIsShown(t *testing.T) {
	b := newBed(t)
	self := node{id: b.control.Self().NodeID(), host: "self", port: 1}
	near, far := node{id: 70, host: "near", port: 2}, node{id: 71, host: "far", port: 3}
	for _, c := range []struct {
		name  string
		shown []node
		want  []node
	}{
		{"the one that tends", []node{near, self, far}, []node{self}},
		{"another zone's tends", []node{near}, []node{near}},
		{"another zone's tends, two here", []node{near, far}, []node{near, far}},
	} {
		q := &query{b: b.broker, view: b.control.View(), shown: c.shown}
		first, ok := q.tending("g")
		again, _ := q.tending("g")
		if !ok || first != again || !slices.Contains(c.want, first) {
			t.Errorf("%s: %+v, then %+v, want one of %+v", c.name, first, again, c.want)
		}
	}
}

func commitRequest(name, topic string, partition int32, offset int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	note := "note"
	r.Group, r.Generation = name, -1
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{
		{Partition: partition, Offset: offset, LeaderEpoch: 1, Metadata: &note}}}}
	return r
}

func fetchOffsets(c *client, version int16, name, topic string, id base.TopicID, partitions ...int32) kmsg.OffsetFetchResponseGroup {
	c.t.Helper()
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Group, r.Topics = name, []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: partitions}}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.Topics = name, []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, TopicID: id, Partitions: partitions}}
	if partitions == nil {
		r.Topics, g.Topics = nil, nil
	}
	r.Groups = append(r.Groups, g)
	a := ask[*kmsg.OffsetFetchResponse](c, version, r)
	if version >= 8 {
		return a.Groups[0]
	}
	out := kmsg.OffsetFetchResponseGroup{Group: name, ErrorCode: a.ErrorCode}
	for _, t := range a.Topics {
		topic := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition(p))
		}
		out.Topics = append(out.Topics, topic)
	}
	return out
}

func TestOffsetsEveryVersion(t *testing.T) {
	b := newBed(t)
	topic := b.topic("orders")
	for v := int16(2); v <= 10; v++ {
		r := commitRequest("g", "orders", 1, int64(v))
		if v >= 10 {
			r.Topics[0].TopicID = topic.ID
		}
		if a := ask[*kmsg.OffsetCommitResponse](b.client, v, r).Topics[0].Partitions[0]; a.ErrorCode != 0 {
			t.Fatalf("commit v%d: %+v", v, a)
		}
		for w := int16(1); w <= 10; w++ {
			a := fetchOffsets(b.client, w, "g", "orders", topic.ID, 1, 2)
			p := a.Topics[0].Partitions
			if len(p) != 2 || p[0].Offset != int64(v) || *p[0].Metadata != "note" || w >= 5 && v >= 6 && p[0].LeaderEpoch != 1 || p[1].Offset != -1 || p[1].ErrorCode != 0 || *p[1].Metadata != "" {
				t.Errorf("commit v%d, fetch v%d: %+v", v, w, a)
			}
			if w < 2 {
				continue
			}
			if all := fetchOffsets(b.client, w, "g", "", base.TopicID{}); len(all.Topics) != 1 || len(all.Topics[0].Partitions) != 1 {
				t.Errorf("all of it, v%d: %+v", w, all)
			}
		}
	}
	if a := fetchOffsets(b.client, 9, "nobody", "orders", topic.ID, 0); a.ErrorCode != 0 || a.Topics[0].Partitions[0].Offset != -1 {
		t.Errorf("a group that does not exist: %+v", a)
	}
	if a := fetchOffsets(b.client, 10, "g", "", base.TopicID{9}, 0); a.Topics[0].Partitions[0].ErrorCode != int16(base.UnknownTopicID) {
		t.Errorf("a topic id that does not exist: %+v", a)
	}
}

// A commit is as old as the View that it came to, also where a look at the journal shows what that View lacked: the topic, and that its
// consumer has committed through another agent meanwhile. Tried again, it is new.
func TestOffsetCommitIsAsOldAsItsRequest(t *testing.T) {
	b := newBed(t, quick)
	elsewhere := b.another("elsewhere:9092")
	id := base.TopicID{1}
	for _, op := range []meta.Op{
		&log.CreateTopic{Name: "orders", ID: id, Partitions: 1},
		&group.OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1, APIVersion: 8, Partitions: []group.CommitPartition{{Topic: id, Offset: 20, LeaderEpoch: -1}}},
	} {
		if v, err := elsewhere.Propose(op).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(v, err)
		}
	}
	for _, want := range []struct {
		kind   base.Kind
		offset int64
	}{{base.CoordinatorNotAvailable, 20}, {base.OK, 10}} {
		a := ask[*kmsg.OffsetCommitResponse](b.dial(), 8, commitRequest("g", "orders", 0, 10)).Topics[0].Partitions[0]
		if o, _ := b.control.View().Groups.Get("g").Offset(id, 0); a.ErrorCode != int16(want.kind) || o.Offset != want.offset {
			t.Errorf("error %d, the group is at %d, want %d and %d", a.ErrorCode, o.Offset, want.kind, want.offset)
		}
	}
}

// A client that is told to commit once more may have sent its next commit already: that one is not taken, or the repeat would
// take the group back behind it.
func TestOffsetCommitEndsTheConnectionThatItIsRepeatedFrom(t *testing.T) {
	b := newBed(t, quick)
	topic := b.topic("orders")
	elsewhere := b.another("elsewhere:9092")
	if v, err := elsewhere.Propose(&group.OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1, APIVersion: 8,
		Partitions: []group.CommitPartition{{Topic: topic.ID, Offset: 5, LeaderEpoch: -1}}}).Wait(soon()); err != nil || v.Kind() != base.OK {
		t.Fatal(v, err)
	}
	first, second := commitRequest("g", "orders", 0, 10), commitRequest("g", "orders", 0, 20)
	first.SetVersion(8)
	second.SetVersion(8)
	id := b.client.send(first)
	b.client.send(second)
	if a := b.client.receive(first, id).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0]; a.ErrorCode != int16(base.CoordinatorNotAvailable) {
		t.Errorf("the first commit: error %d, want that it is repeated", a.ErrorCode)
	}
	if !b.client.ended() {
		t.Error("the connection goes on")
	}
	if o, _ := b.control.View().Groups.Get("g").Offset(topic.ID, 0); o.Offset != 5 {
		t.Errorf("the group is at %d: the second commit was taken", o.Offset)
	}
	again := b.dial()
	for _, r := range []*kmsg.OffsetCommitRequest{first, second} {
		if a := ask[*kmsg.OffsetCommitResponse](again, 8, r).Topics[0].Partitions[0]; a.ErrorCode != 0 {
			t.Errorf("once more: error %d", a.ErrorCode)
		}
	}
	if o, _ := b.control.View().Groups.Get("g").Offset(topic.ID, 0); o.Offset != 20 {
		t.Errorf("the group is at %d, and committed 20 last", o.Offset)
	}
}

func TestOffsetCommitRefusals(t *testing.T) {
	b := newBed(t, quick)
	b.topic("orders")
	b.member("busy", 4)
	stranger := commitRequest("busy", "orders", 0, 1)
	stranger.MemberID, stranger.Generation = "stranger", 1
	ghost := commitRequest("nobody", "orders", 0, 1)
	ghost.Generation = 3
	long := commitRequest("g", "orders", 0, 1)
	note := string(make([]byte, 5000))
	long.Topics[0].Partitions[0].Metadata = &note
	for name, c := range map[string]struct {
		r       *kmsg.OffsetCommitRequest
		version int16
		want    base.Kind
	}{
		"unknown topic":       {commitRequest("g", "none", 0, 1), 8, base.UnknownTopicOrPartition},
		"unknown partition":   {commitRequest("g", "orders", 3, 1), 8, base.UnknownTopicOrPartition},
		"unknown id":          {commitRequest("g", "", 0, 1), 10, base.UnknownTopicID},
		"a stranger":          {stranger, 8, base.UnknownMemberID},
		"no member":           {commitRequest("busy", "orders", 0, 1), 8, base.UnknownMemberID},
		"no group":            {ghost, 8, base.IllegalGeneration},
		"no group, version 9": {ghost, 9, base.GroupIDNotFound},
		"long metadata":       {long, 8, base.OffsetMetadataTooLarge},
	} {
		if a := ask[*kmsg.OffsetCommitResponse](b.client, c.version, c.r).Topics[0].Partitions[0]; a.ErrorCode != int16(c.want) {
			t.Errorf("%s: error %d, want %d", name, a.ErrorCode, c.want)
		}
	}
}

func TestListDescribeAndDeleteGroups(t *testing.T) {
	b := newBed(t, quick)
	b.topic("orders")
	id, _ := b.member("busy", 4)
	ask[*kmsg.OffsetCommitResponse](b.client, 8, commitRequest("offsets", "orders", 0, 1))

	for v := int16(0); v <= 5; v++ {
		r := kmsg.NewPtrListGroupsRequest()
		var got []string
		for _, g := range ask[*kmsg.ListGroupsResponse](b.client, v, r).Groups {
			got = append(got, g.Group+" "+g.ProtocolType+" "+g.GroupState+" "+g.GroupType)
		}
		equal(t, got, [][]string{{"busy consumer  ", "offsets   "}, {"busy consumer Stable ", "offsets  Empty "}, {"busy consumer Stable classic", "offsets  Empty classic"}}[max(0, v-3)])
	}
	r := kmsg.NewPtrListGroupsRequest()
	r.StatesFilter, r.TypesFilter = []string{"stable"}, []string{"Classic"}
	if a := ask[*kmsg.ListGroupsResponse](b.client, 5, r); len(a.Groups) != 1 || a.Groups[0].Group != "busy" {
		t.Errorf("filtered: %+v", a)
	}

	for v := int16(0); v <= 6; v++ {
		d := kmsg.NewPtrDescribeGroupsRequest()
		d.Groups = []string{"busy", "nobody"}
		a := ask[*kmsg.DescribeGroupsResponse](b.client, v, d)
		busy, nobody := a.Groups[0], a.Groups[1]
		if busy.State != "Stable" || busy.Protocol != "range" || busy.Members[0].MemberID != id || string(busy.Members[0].MemberAssignment) != "mine" || busy.Members[0].ClientHost != "/127.0.0.1" || busy.Members[0].ClientID != "test" {
			t.Errorf("v%d: %+v", v, busy)
		}
		if want := map[bool]int16{true: int16(base.GroupIDNotFound)}[v >= 6]; nobody.State != "Dead" || nobody.ErrorCode != want {
			t.Errorf("v%d: %+v", v, nobody)
		}
	}

	for v := int16(0); v <= 3; v++ {
		ask[*kmsg.OffsetCommitResponse](b.client, 8, commitRequest("offsets", "orders", 0, 1))
		d := kmsg.NewPtrDeleteGroupsRequest()
		d.Groups = []string{"busy", "offsets", "nobody", "nobody"}
		var got []int16
		for _, g := range ask[*kmsg.DeleteGroupsResponse](b.client, v, d).Groups {
			got = append(got, g.ErrorCode)
		}
		equal(t, got, []int16{int16(base.NonEmptyGroup), 0, int16(base.GroupIDNotFound)})
	}
}

func TestOffsetDelete(t *testing.T) {
	b := newBed(t)
	topic := b.topic("orders")
	ask[*kmsg.OffsetCommitResponse](b.client, 8, commitRequest("g", "orders", 0, 5))
	r := kmsg.NewPtrOffsetDeleteRequest()
	r.Group = "g"
	r.Topics = []kmsg.OffsetDeleteRequestTopic{
		{Topic: "orders", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 1}, {Partition: 9}}},
		{Topic: "none", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}},
	}
	a := ask[*kmsg.OffsetDeleteResponse](b.client, 0, r)
	var got []int16
	for _, topic := range a.Topics {
		for _, p := range topic.Partitions {
			got = append(got, p.ErrorCode)
		}
	}
	equal(t, got, []int16{0, 0, 3, 3})
	if p := fetchOffsets(b.client, 8, "g", "orders", topic.ID, 0).Topics[0].Partitions[0]; p.Offset != -1 {
		t.Errorf("the offset is still there: %+v", p)
	}
	r.Group = "nobody"
	if a := ask[*kmsg.OffsetDeleteResponse](b.client, 0, r); a.ErrorCode != int16(base.GroupIDNotFound) {
		t.Errorf("no group: %+v", a)
	}
}
