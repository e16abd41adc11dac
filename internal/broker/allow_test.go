package broker

import (
	"reflect"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
)

// denyAll refuses everything and remembers what was asked for.
type denyAll struct {
	mu    sync.Mutex
	asked map[need]bool
}

func (d *denyAll) Allow(c Client, op Operation, on Resource, name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[need{op, on}] = true
	return false
}

// take gives what was asked for since the last call.
func (d *denyAll) take() map[need]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = map[need]bool{}
	return asked
}

// Who may do nothing gets nothing: every request that asks for a permission of its table row is refused with the error
// of that resource, and nothing is changed.
func TestNothingIsAllowed(t *testing.T) {
	deny := &denyAll{asked: map[need]bool{}}
	b := newBed(t, func(c *Config, _ *Deps, _ *controlConfig) { c.Allow = deny })
	b.fetch.answer = func(fetch.Request) fetch.Response { return fetch.Response{} }
	b.topic("orders")
	before := b.control.View()
	topic, group := base.Kind(29), base.Kind(30)
	self := "orders"
	delTopics := kmsg.NewPtrDeleteTopicsRequest()
	delTopics.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &self}}
	parts := kmsg.NewPtrCreatePartitionsRequest()
	parts.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "orders", Count: 9}}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = append(create.Topics, newTopic("new", 1, 1))
	trim := kmsg.NewPtrDeleteRecordsRequest()
	trim.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "orders", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{}}}}
	epoch := kmsg.NewPtrOffsetForLeaderEpochRequest()
	epoch.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{}}}}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{"g"}
	beat, leave := kmsg.NewPtrHeartbeatRequest(), kmsg.NewPtrLeaveGroupRequest()
	beat.Group, leave.Group = "g", "g"
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group = "g"
	describe, remove := kmsg.NewPtrDescribeGroupsRequest(), kmsg.NewPtrDeleteGroupsRequest()
	describe.Groups, remove.Groups = []string{"g"}, []string{"g"}
	offsets := kmsg.NewPtrOffsetFetchRequest()
	offsets.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g"}}
	forget := kmsg.NewPtrOffsetDeleteRequest()
	forget.Group = "g"
	pages := kmsg.NewPtrDescribeTopicPartitionsRequest()
	pages.Topics, pages.ResponsePartitionLimit = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "orders"}}, 10
	value := "1"
	for _, c := range []struct {
		version int16
		request kmsg.Request
		want    base.Kind
	}{
		{9, produceRequest("orders", 0, records("x")), topic},
		{12, fetchRequest("orders", base.TopicID{}, 0), topic},
		{7, listRequest("orders", 0, -1, -1), topic},
		{9, metadataRequest("orders", "new"), topic},
		{8, commitRequest("g", "orders", 0, 1), group},
		{9, offsets, group},
		{6, find, group},
		{9, joinRequest("g", ""), group},
		{4, beat, group},
		{5, leave, group},
		{4, sync, group},
		{6, describe, group},
		{7, create, topic},
		{6, delTopics, topic},
		{2, trim, topic},
		{4, epoch, topic},
		{4, describeRequest(kmsg.ConfigResourceTypeTopic, "orders"), topic},
		{4, describeRequest(kmsg.ConfigResourceTypeBroker, ""), base.Kind(31)},
		{1, incrementalRequest(kmsg.ConfigResourceTypeTopic, "orders", "retention.ms", 0, &value), topic},
		{1, incrementalRequest(kmsg.ConfigResourceTypeBroker, "", "log.retention.ms", 0, &value), base.Kind(31)},
		{4, kmsg.NewPtrInitProducerIDRequest(), base.Kind(31)},
		{3, parts, topic},
		{2, remove, group},
		{0, forget, group},
		{0, pages, topic},
	} {
		var codes []int16
		collectCodes(reflect.ValueOf(ask[kmsg.Response](b.client, c.version, c.request)), &codes)
		if len(codes) == 0 {
			t.Errorf("%T: no error", c.request)
		}
		for _, code := range codes {
			if code != int16(c.want) {
				t.Errorf("%T: error %d, want %d", c.request, code, c.want)
			}
		}
		if row, asked := apiFor(c.request.Key()), deny.take(); !asksFor(asked, row.needs) {
			t.Errorf("%T asked for %v; its row has %v", c.request, asked, row.needs)
		}
	}
	if v := b.control.View(); v.Log.Digest() != before.Log.Digest() || v.Groups.Digest() != before.Groups.Digest() {
		t.Error("something was changed")
	}
	if a := ask[*kmsg.ListGroupsResponse](b.client, 5, kmsg.NewPtrListGroupsRequest()); len(a.Groups) != 0 {
		t.Errorf("groups are shown: %+v", a)
	}
	if a := ask[*kmsg.MetadataResponse](b.client, 9, &kmsg.MetadataRequest{}); len(a.Topics) != 0 {
		t.Errorf("topics are shown: %+v", a)
	}
}

// asksFor reports whether at least one of the permissions was asked for, and none beside them but to describe.
func asksFor(asked map[need]bool, needs []need) bool {
	found := false
	for _, n := range needs {
		found = found || asked[n]
		delete(asked, n)
	}
	for n := range asked {
		if n.op != Describe && n != (need{Delete, Cluster}) {
			return false
		}
	}
	return found
}

// collectCodes gathers the error codes of an answer that are not of a whole whose parts have their own.
func collectCodes(v reflect.Value, out *[]int16) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			collectCodes(v.Elem(), out)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collectCodes(v.Index(i), out)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				if code := int16(v.Field(i).Int()); code != 0 {
					*out = append(*out, code)
				}
				continue
			}
			collectCodes(v.Field(i), out)
		}
	}
}

// Errors and requests are counted.
func TestStats(t *testing.T) {
	b := newBed(t, withIngest(ingestOK{}))
	b.topic("orders")
	ask[*kmsg.ProduceResponse](b.client, 9, produceRequest("orders", 0, records("x")))
	ask[*kmsg.ProduceResponse](b.client, 9, produceRequest("none", 0, records("x")))
	eventually(t, "both are counted", func() bool { return b.broker.Stats().Latency["Produce"].Total > 0 })
	s := b.broker.Stats()
	var timed int64
	for _, n := range s.Latency["Produce"].Counts {
		timed += n
	}
	if s.Requests["Produce"] != 2 || s.Errors[3] != 1 || len(s.Errors) != 1 || timed != 2 || s.Connections != 1 || s.Accepted != 1 {
		t.Errorf("%+v", s)
	}
}
