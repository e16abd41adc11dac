package cli

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestTopicsFromCreationToDeletion(t *testing.T) {
	w := newWorld(t)
	same(t, w.ok("topic", "create", "orders", "--partitions", "3", "--config", "retention.ms=60000"),
		`topic orders created with 3 partitions`)
	same(t, w.ok("topic", "create", "a", "b"), "topic a created with 2 partitions\ntopic b created with 2 partitions")
	w.okIn("one\ntwo\n", "produce", "orders", "--partition", "1")

	same(t, w.ok("topic", "list"), `
TOPIC   PARTITIONS  ID
a                2  XXXXXXXXXXXXXXXXXXXXXX
b                2  XXXXXXXXXXXXXXXXXXXXXX
orders           3  XXXXXXXXXXXXXXXXXXXXXX`)
	same(t, w.ok("topic", "describe", "orders"), `
topic orders  id XXXXXXXXXXXXXXXXXXXXXX  3 partitions

PARTITION  LEADER  EPOCH  START  END  RECORDS
        0       0      0      0    0        0
        1       0      0      0    2        2
        2       0      0      0    0        0

CONFIG        VALUE  SOURCE
retention.ms  60000  DYNAMIC_TOPIC_CONFIG`)

	same(t, w.ok("topic", "alter", "orders", "--partitions", "4", "--config", "segment.ms=9999999", "--delete-config", "retention.ms"),
		`topic orders altered`)
	info := lines[topicInfo](t, w.ok("topic", "describe", "orders", "--json"))[0]
	if len(info.Partitions) != 4 || len(info.Configs) != 1 || *info.Configs[0].Value != "9999999" {
		t.Errorf("after alter: %+v", info)
	}

	same(t, w.ok("topic", "delete", "a", "b"), "topic a deleted\ntopic b deleted")
	if rows := lines[topicRow](t, w.ok("topic", "list", "--json")); len(rows) != 1 || rows[0].Topic != "orders" || rows[0].Partitions != 4 {
		t.Errorf("after delete: %+v", rows)
	}
}

func TestTopicsThatAreThereOrNot(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "there"), kfake.SeedTopics(2, "wide"))
	w.fails(1, []string{"there", "TOPIC_ALREADY_EXISTS", "--if-not-exists"}, "topic", "create", "there")
	same(t, w.ok("topic", "create", "there", "--if-not-exists"), "topic there exists")
	w.fails(1, []string{"missing", "does not exist", "--if-exists"}, "topic", "delete", "missing")
	same(t, w.ok("topic", "delete", "missing", "--if-exists", "--json"), `{"result":"does not exist","topic":"missing"}`)
	w.fails(1, []string{"missing", "millrace topic create missing"}, "topic", "describe", "missing")
	w.fails(1, []string{"missing", "does not exist"}, "topic", "alter", "missing", "--partitions", "2")
	w.fails(1, []string{"INVALID_PARTITIONS"}, "topic", "alter", "wide", "--partitions", "1")

	r := w.fails(1, []string{"2 of 3 failed"}, "topic", "delete", "there", "missing", "gone")
	if r.out != "topic there deleted\n" || strings.Count(r.err, "does not exist") != 2 {
		t.Errorf("stdout %q, stderr %q", r.out, r.err)
	}
}

// What a cluster refuses of the configs must not leave new partitions behind.
func TestAlterChecksConfigsBeforeItAddsPartitions(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	w.cluster.ControlKey(int16(kmsg.IncrementalAlterConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		resource := kmsg.NewIncrementalAlterConfigsResponseResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
		resource.ErrorCode, resource.ErrorMessage = kerr.InvalidConfig.Code, kmsg.StringPtr("no such policy")
		resp.Resources = append(resp.Resources, resource)
		return resp, nil, true
	})
	w.fails(1, []string{"topic t: no such policy (INVALID_CONFIG)"}, "topic", "alter", "t", "--partitions", "5", "--config", "cleanup.policy=nonsense")
	if rows := lines[topicRow](t, w.ok("topic", "list", "--json")); rows[0].Partitions != 1 {
		t.Errorf("partitions were added: %+v", rows)
	}
}
