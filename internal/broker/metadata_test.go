package broker

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

func metadataRequest(topics ...string) *kmsg.MetadataRequest {
	r := kmsg.NewPtrMetadataRequest()
	r.Topics = []kmsg.MetadataRequestTopic{}
	for i := range topics {
		r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &topics[i]})
	}
	return r
}

// Every version names the agent, the cluster and the topic with a leader for each partition.
func TestMetadataEveryVersion(t *testing.T) {
	b := newBed(t)
	topic := b.topic("orders")
	for v := int16(0); v <= 13; v++ {
		for name, r := range map[string]*kmsg.MetadataRequest{"named": metadataRequest("orders"), "all": {}} {
			a := ask[*kmsg.MetadataResponse](b.client, v, r)
			if len(a.Brokers) != 1 || a.Brokers[0].NodeID != b.control.Self().NodeID() || len(a.Topics) != 1 {
				t.Fatalf("v%d %s: %+v", v, name, a)
			}
			got := a.Topics[0]
			if *got.Topic != "orders" || got.ErrorCode != 0 || len(got.Partitions) != 3 || got.Partitions[2].Leader != a.Brokers[0].NodeID {
				t.Errorf("v%d %s: %+v", v, name, got)
			}
			if v >= 7 && got.Partitions[0].LeaderEpoch != 1 || v >= 10 && got.TopicID != topic.ID || v >= 1 && *a.Brokers[0].Rack != "z1" || v >= 2 && *a.ClusterID != b.control.ClusterID() {
				t.Errorf("v%d %s: %+v", v, name, a)
			}
		}
	}
}

func TestMetadataRefusals(t *testing.T) {
	b := newBed(t)
	r := metadataRequest("nope")
	r.AllowAutoTopicCreation = false
	if a := ask[*kmsg.MetadataResponse](b.client, 9, r); a.Topics[0].ErrorCode != int16(base.UnknownTopicOrPartition) {
		t.Errorf("unknown, not to be created: %+v", a.Topics[0])
	}
	r = metadataRequest("no good", "..")
	r.AllowAutoTopicCreation = true
	for _, topic := range ask[*kmsg.MetadataResponse](b.client, 9, r).Topics {
		if topic.ErrorCode != int16(base.InvalidTopicException) {
			t.Errorf("invalid name: %+v", topic)
		}
	}
	byID := kmsg.NewPtrMetadataRequest()
	byID.Topics = []kmsg.MetadataRequestTopic{{TopicID: base.TopicID{9}}}
	if a := ask[*kmsg.MetadataResponse](b.client, 12, byID); a.Topics[0].ErrorCode != int16(base.UnknownTopicID) {
		t.Errorf("unknown id: %+v", a.Topics[0])
	}
	if b.control.View().Log.TopicCount() != 0 {
		t.Error("a topic was made")
	}
}

// An unknown name is created, once, and usable in the very answer.
func TestMetadataCreates(t *testing.T) {
	b := newBed(t, func(_ *Config, _ *Deps, c *controlConfig) { c.Static = map[string]string{"num.partitions": "2"} })
	r := metadataRequest("new", "new")
	r.AllowAutoTopicCreation = true
	for range 2 {
		for _, topic := range ask[*kmsg.MetadataResponse](b.client, 9, r).Topics {
			if topic.ErrorCode != 0 || len(topic.Partitions) != 2 || topic.Partitions[0].Leader < 1 {
				t.Errorf("%+v", topic)
			}
		}
	}
	if p := produced(t, ask[*kmsg.ProduceResponse](b.client, 9, produceRequest("new", 1, records("x")))); p.ErrorCode != 0 {
		t.Errorf("produce: error %d", p.ErrorCode)
	}
}

// With auto.create.topics.enable=false nothing is created, whatever the client allows.
func TestMetadataDoesNotCreate(t *testing.T) {
	b := newBed(t, func(_ *Config, _ *Deps, c *controlConfig) {
		c.Static = map[string]string{"auto.create.topics.enable": "false"}
	})
	r := metadataRequest("new")
	r.AllowAutoTopicCreation = true
	if a := ask[*kmsg.MetadataResponse](b.client, 9, r); a.Topics[0].ErrorCode != int16(base.UnknownTopicOrPartition) {
		t.Errorf("%+v", a.Topics[0])
	}
}

func TestDescribeCluster(t *testing.T) {
	b := newBed(t)
	for v := int16(0); v <= 2; v++ {
		r := kmsg.NewPtrDescribeClusterRequest()
		r.IncludeClusterAuthorizedOperations = true
		a := ask[*kmsg.DescribeClusterResponse](b.client, v, r)
		if a.ClusterID != b.control.ClusterID() || len(a.Brokers) != 1 || a.ControllerID != a.Brokers[0].NodeID || a.ClusterAuthorizedOperations&(1<<Create) == 0 {
			t.Errorf("v%d: %+v", v, a)
		}
	}
	r := kmsg.NewPtrDescribeClusterRequest()
	r.EndpointType = 2
	if a := ask[*kmsg.DescribeClusterResponse](b.client, 1, r); a.ErrorCode != 114 {
		t.Errorf("controllers asked for: %+v", a)
	}
}

// Pages of two partitions lead through two topics of three, and an unknown one.
func TestDescribeTopicPartitions(t *testing.T) {
	b := newBed(t)
	b.topic("a")
	b.topic("b")
	r := kmsg.NewPtrDescribeTopicPartitionsRequest()
	r.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "b"}, {Topic: "a"}, {Topic: "none"}}
	r.ResponsePartitionLimit = 2
	var got []string
	for page := 0; page < 10; page++ {
		a := ask[*kmsg.DescribeTopicPartitionsResponse](b.client, 0, r)
		for _, topic := range a.Topics {
			for _, p := range topic.Partitions {
				if p.EligibleLeaderReplicas == nil || p.LastKnownELR == nil {
					t.Error("a null, which the Java client does not take")
				}
				got = append(got, *topic.Topic)
			}
			if topic.ErrorCode != 0 {
				got = append(got, *topic.Topic+"?")
			}
		}
		if got = append(got, "/"); a.NextCursor == nil {
			break
		}
		r.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: a.NextCursor.Topic, Partition: a.NextCursor.Partition}
	}
	equal(t, got, []string{"a", "a", "/", "a", "b", "/", "b", "b", "none?", "/"})
	r.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "elsewhere"}
	if a := ask[*kmsg.DescribeTopicPartitionsResponse](b.client, 0, r); len(a.Topics) != 3 || a.Topics[0].ErrorCode != int16(base.InvalidRequest) {
		t.Errorf("a cursor outside the list: %+v", a)
	}
}
