package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// seeded has topic t with 5 records in partition 0 and 3 in partition 1, and group g that has committed 2 and nothing.
func seeded(t *testing.T) *world {
	w := newWorld(t, kfake.SeedTopics(2, "t"))
	w.okIn("a\nb\nc\nd\ne\n", "produce", "t", "--partition", "0")
	w.okIn("x\ny\nz\n", "produce", "t", "--partition", "1")
	client, err := kgo.NewClient(kgo.SeedBrokers(w.bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", 0, 2, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestGroupListAndDescribe(t *testing.T) {
	w := seeded(t)
	same(t, w.ok("group", "list"), `
GROUP  STATE  PROTOCOL  COORDINATOR
g      Empty  -                   0`)
	same(t, w.ok("group", "describe", "g"), `
group g  Empty  classic  0 members  coordinator 0  lag 3

TOPIC  PARTITION  COMMITTED  END  LAG  MEMBER
t              0          2    5    3  -`)
	same(t, w.ok("group", "describe", "g", "--json"), `{"group":"g","state":"Empty","type":"classic","protocol":"","assignor":"",`+
		`"coordinator":0,"total_lag":3,"members":[],"offsets":[{"topic":"t","partition":0,"committed_offset":2,"start_offset":0,`+
		`"end_offset":5,"lag":3,"member_id":"","client_id":""}]}`)
	w.fails(1, []string{"nobody", "does not exist", "group list"}, "group", "describe", "nobody")
}

func TestDescribeShowsMembers(t *testing.T) {
	w := seeded(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.bootstrap), kgo.ClientID("someone"),
		kgo.ConsumerGroup("m"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	g := w.assigned("m", 2)
	if g.Type != "classic" || g.Assignor != "cooperative-sticky" || g.Members[0].ClientID != "someone" {
		t.Errorf("got %+v", g)
	}
	if strings.Join(g.Members[0].Partitions, " ") != "t:0 t:1" || g.Offsets[1].MemberID != g.Members[0].MemberID {
		t.Errorf("assignment: %+v", g)
	}
	w.fails(1, []string{"1 member", "stop them first"}, "group", "reset", "m", "--topic", "t", "--to-latest", "--execute")
	w.fails(1, []string{"NON_EMPTY_GROUP", "stop its members"}, "group", "delete", "m")
}

// A group of the new protocol is described by its own request (KIP-848). The answer is made here: the fake cluster
// leaves the topic names out of its own.
func TestDescribeGroupOfTheNewProtocol(t *testing.T) {
	w := seeded(t)
	w.cluster.ControlKey(int16(kmsg.ConsumerGroupDescribe), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
		member := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		member.MemberID, member.ClientID, member.ClientHost = "member-1", "someone", "/10.0.0.7"
		topic := kmsg.NewAssignmentTopicPartition()
		topic.Topic, topic.Partitions = "t", []int32{0, 1}
		member.Assignment.TopicPartitions = append(member.Assignment.TopicPartitions, topic)
		group := kmsg.NewConsumerGroupDescribeResponseGroup()
		group.Group, group.State, group.AssignorName = "g", "Stable", "uniform"
		group.Members = append(group.Members, member)
		resp.Groups = append(resp.Groups, group)
		return resp, nil, true
	})
	same(t, w.ok("group", "describe", "g"), `
group g  Stable  consumer  1 member  coordinator 0  lag 3

MEMBER    INSTANCE  CLIENT   HOST       PARTITIONS
member-1  -         someone  /10.0.0.7           2

TOPIC  PARTITION  COMMITTED  END  LAG  MEMBER
t              0          2    5    3  member-1
t              1          -    3    -  member-1`)
	w.fails(1, []string{"1 member", "stop them first"}, "group", "reset", "g", "--topic", "t", "--to-latest", "--execute")
}

// assigned waits until the group's one member has n partitions.
func (w *world) assigned(group string, n int) groupInfo {
	w.t.Helper()
	var r result
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r = call(w.t, "", "group", "describe", group, "--json", "--bootstrap", w.bootstrap)
		if r.code != 0 {
			continue
		}
		g := lines[groupInfo](w.t, r.out)[0]
		if len(g.Members) == 1 && len(g.Members[0].Partitions) == n && g.State == "Stable" {
			return g
		}
	}
	w.t.Fatalf("group %s: no member got %d partitions: %s%v", group, n, r.out, r.failure)
	return groupInfo{}
}

func TestResetOnlyShowsUntilExecute(t *testing.T) {
	w := seeded(t)
	r := call(t, "", "group", "reset", "g", "--topic", "t", "--to-earliest", "--bootstrap", w.bootstrap)
	same(t, r.out, `
TOPIC  PARTITION  COMMITTED  NEW
t              0          2    0
t              1          -    0`)
	if !strings.Contains(r.err, "--execute") || w.committed("g") != "t:0=2" {
		t.Errorf("stderr %q, committed %s", r.err, w.committed("g"))
	}
	w.ok("group", "reset", "g", "--topic", "t", "--to-earliest", "--execute")
	if got := w.committed("g"); got != "t:0=0 t:1=0" {
		t.Errorf("after --execute: %s", got)
	}
}

func (w *world) committed(group string) string {
	w.t.Helper()
	var all []string
	for _, o := range lines[groupInfo](w.t, w.ok("group", "describe", group, "--json"))[0].Offsets {
		if o.Committed != nil {
			all = append(all, fmt.Sprintf("%s:%d=%d", o.Topic, o.Partition, *o.Committed))
		}
	}
	return strings.Join(all, " ")
}

func TestResetTargets(t *testing.T) {
	for _, c := range []struct{ args, want, warns string }{
		{"--topic t --to-latest", "t:0=5 t:1=3", ""},
		{"--topic t:1 --to-latest", "t:0=2 t:1=3", ""},
		{"--topic t --to-offset 4", "t:0=4 t:1=3", "t:1 holds offsets 0 to 3"},
		{"--topic t --to-offset -5", "t:0=0 t:1=0", "becomes 0"},
		{"--all-topics --shift-by 1", "t:0=3", ""},
		{"--all-topics --shift-by -9", "t:0=0", "-7 becomes 0"},
		{"--topic t --to-datetime 2001-01-01", "t:0=0 t:1=0", ""},
		{"--topic t --by-duration PT0S", "t:0=5 t:1=3", ""},
		{"--topic t --by-duration P1DT1H", "t:0=0 t:1=0", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			w := seeded(t)
			time.Sleep(2 * time.Millisecond) // so that "no older than 0 s" lies behind the newest record
			args := append([]string{"group", "reset", "g", "--execute", "--bootstrap", w.bootstrap}, strings.Fields(c.args)...)
			r := call(t, "", args...)
			if r.code != 0 || !strings.Contains(r.err, c.warns) || w.committed("g") != c.want {
				t.Errorf("committed %s, want %s; %v; stderr %q", w.committed("g"), c.want, r.failure, r.err)
			}
		})
	}
}

func TestResetThatCannotBe(t *testing.T) {
	w := seeded(t)
	w.fails(1, []string{"t:1 has no committed offset"}, "group", "reset", "g", "--topic", "t", "--shift-by", "1", "--execute")
	w.fails(1, []string{"no partition 9"}, "group", "reset", "g", "--topic", "t:9", "--to-latest")
	w.fails(1, []string{"missing does not exist"}, "group", "reset", "g", "--topic", "missing", "--to-latest")
	w.fails(1, []string{"committed nothing"}, "group", "reset", "fresh", "--all-topics", "--to-latest")
	if got := w.committed("g"); got != "t:0=2" {
		t.Errorf("a refused reset changed offsets: %s", got)
	}
}

func TestDeleteGroupsAndOffsets(t *testing.T) {
	w := seeded(t)
	w.ok("group", "reset", "g", "--topic", "t:1", "--to-latest", "--execute")
	same(t, w.ok("group", "delete-offsets", "g", "--topic", "t:0"), "partition t:0 offset deleted")
	if got := w.committed("g"); got != "t:1=3" {
		t.Errorf("after delete-offsets: %s", got)
	}
	w.fails(1, []string{"group nobody does not exist"}, "group", "delete-offsets", "nobody", "--topic", "t")
	same(t, w.ok("group", "delete", "g", "--json"), `{"group":"g","result":"deleted"}`)
	w.fails(1, []string{"group g does not exist"}, "group", "delete", "g")
	same(t, w.ok("group", "list", "--json"), "")
}
