package broker

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
)

type controlConfig = control.Config

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func newTopic(name string, partitions int32, replicas int16) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replicas
	return t
}

func assigned(name string, replicas ...[]int32) kmsg.CreateTopicsRequestTopic {
	t := newTopic(name, -1, -1)
	for i, r := range replicas {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: r})
	}
	return t
}

func configured(name string, key string, value *string) kmsg.CreateTopicsRequestTopic {
	t := newTopic(name, 1, 1)
	t.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: key, Value: value}}
	return t
}

func TestCreateTopicsEveryVersion(t *testing.T) {
	b := newBed(t)
	for v := int16(2); v <= 7; v++ {
		r := kmsg.NewPtrCreateTopicsRequest()
		value := "1000"
		topic := configured("t"+string(rune('0'+v)), "retention.ms", &value)
		topic.NumPartitions, topic.ReplicationFactor = 4, 3
		r.Topics = append(r.Topics, topic)
		a := ask[*kmsg.CreateTopicsResponse](b.client, v, r).Topics[0]
		made, ok := b.control.View().Log.TopicByName(topic.Topic)
		if a.ErrorCode != 0 || !ok || made.Partitions != 4 {
			t.Fatalf("v%d: %+v", v, a)
		}
		if v >= 5 && (a.NumPartitions != 4 || a.ReplicationFactor != 1 || !hasConfig(a.Configs, "retention.ms", "1000", 1) || !hasConfig(a.Configs, "cleanup.policy", "delete", 5)) {
			t.Errorf("v%d: %+v", v, a)
		}
		if v >= 7 && a.TopicID != made.ID {
			t.Errorf("v%d: id %x, want %x", v, a.TopicID, made.ID)
		}
	}
}

func hasConfig(list []kmsg.CreateTopicsResponseTopicConfig, name, value string, source int8) bool {
	for _, c := range list {
		if c.Name == name {
			return *c.Value == value && c.Source == source
		}
	}
	return false
}

func TestCreateTopicsRefusals(t *testing.T) {
	b := newBed(t)
	b.topic("here")
	b.topic("a.b")
	self, bad := b.control.Self().NodeID(), "x"
	for name, c := range map[string]struct {
		topic kmsg.CreateTopicsRequestTopic
		want  base.Kind
	}{
		"exists":              {newTopic("here", 1, 1), base.TopicAlreadyExists},
		"clashes":             {newTopic("a_b", 1, 1), base.InvalidTopicException},
		"bad name":            {newTopic("a b", 1, 1), base.InvalidTopicException},
		"empty name":          {newTopic("", 1, 1), base.InvalidTopicException},
		"metadata topic":      {newTopic("__cluster_metadata", 1, 1), base.InvalidRequest},
		"no partitions":       {newTopic("n", 0, 1), base.InvalidPartitions},
		"negative partitions": {newTopic("n", -2, 1), base.InvalidPartitions},
		"too many partitions": {newTopic("n", 100_001, 1), base.InvalidPartitions},
		"no replicas":         {newTopic("n", 1, 0), base.InvalidReplicationFactor},
		"negative replicas":   {newTopic("n", 1, -2), base.InvalidReplicationFactor},
		"unknown config":      {configured("n", "no.such", &bad), base.InvalidConfig},
		"bad config":          {configured("n", "retention.ms", &bad), base.InvalidConfig},
		"null config":         {configured("n", "retention.ms", nil), base.InvalidConfig},
		"unknown broker":      {assigned("n", []int32{self + 1}), base.InvalidReplicaAssignment},
		"broker twice":        {assigned("n", []int32{self, self}), base.InvalidReplicaAssignment},
		"no broker":           {assigned("n", []int32{}), base.InvalidReplicaAssignment},
		"assigned and counted": {func() (t kmsg.CreateTopicsRequestTopic) {
			t = assigned("n", []int32{self})
			t.NumPartitions = 1
			return
		}(), base.InvalidRequest},
		"assigned with factor": {func() (t kmsg.CreateTopicsRequestTopic) {
			t = assigned("n", []int32{self})
			t.ReplicationFactor = 1
			return
		}(), base.InvalidRequest},
		"partition twice": {func() (t kmsg.CreateTopicsRequestTopic) {
			t = assigned("n", []int32{self}, []int32{self})
			t.ReplicaAssignment[1].Partition = 0
			return
		}(), base.InvalidReplicaAssignment},
		"partition left out": {func() (t kmsg.CreateTopicsRequestTopic) {
			t = assigned("n", []int32{self})
			t.ReplicaAssignment[0].Partition = 1
			return
		}(), base.InvalidReplicaAssignment},
	} {
		r := kmsg.NewPtrCreateTopicsRequest()
		r.Topics = append(r.Topics, c.topic)
		for _, r.ValidateOnly = range []bool{true, false} {
			if a := ask[*kmsg.CreateTopicsResponse](b.client, 7, r).Topics[0]; a.ErrorCode != int16(c.want) || a.ErrorMessage == nil {
				t.Errorf("%s, validate only %t: error %d, want %d", name, r.ValidateOnly, a.ErrorCode, c.want)
			}
		}
	}
	if n := b.control.View().Log.TopicCount(); n != 2 {
		t.Errorf("%d topics, want 2", n)
	}
}

// What stands twice in a request is refused, the rest is done; with validate_only nothing is.
func TestCreateTopicsTogether(t *testing.T) {
	b := newBed(t)
	self := b.control.Self().NodeID()
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Topics = append(r.Topics, newTopic("twice", 1, 1), assigned("once", []int32{self}, []int32{self}), newTopic("twice", 1, 1), newTopic("dots.1", -1, -1), newTopic("dots_1", -1, -1))
	r.ValidateOnly = true
	ask[*kmsg.CreateTopicsResponse](b.client, 7, r)
	if n := b.control.View().Log.TopicCount(); n != 0 {
		t.Fatalf("%d topics after a validation", n)
	}
	r.ValidateOnly = false
	got := map[string]int16{}
	for _, a := range ask[*kmsg.CreateTopicsResponse](b.client, 7, r).Topics {
		got[a.Topic] = a.ErrorCode
	}
	equal(t, got, map[string]int16{"once": 0, "twice": int16(base.InvalidRequest), "dots.1": 0, "dots_1": int16(base.InvalidTopicException)})
	if made, _ := b.control.View().Log.TopicByName("once"); made.Partitions != 2 {
		t.Errorf("%+v", made)
	}
}

func TestDeleteTopics(t *testing.T) {
	b := newBed(t)
	for v := int16(1); v <= 6; v++ {
		topic := b.topic("gone")
		r := kmsg.NewPtrDeleteTopicsRequest()
		r.TopicNames = []string{"gone", "never", "twice", "twice"}
		if v >= 6 {
			names := []string{"never", "twice", "twice", "both"}
			r.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: topic.ID}, {}, {TopicID: base.TopicID{9}}}
			for i := range names {
				r.Topics = append(r.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &names[i]})
			}
			r.Topics[6].TopicID = base.TopicID{7}
		}
		var got []int16
		for _, a := range ask[*kmsg.DeleteTopicsResponse](b.client, v, r).Topics {
			got = append(got, a.ErrorCode)
		}
		want := []int16{0, 3, 42}
		if v >= 6 {
			want = []int16{0, 42, 100, 3, 42, 42}
		}
		equal(t, got, want)
		if _, ok := b.control.View().Log.TopicByName("gone"); ok {
			t.Errorf("v%d: it is still there", v)
		}
	}
}

func TestDeleteTopicsDisabled(t *testing.T) {
	b := newBed(t, func(_ *Config, _ *Deps, c *controlConfig) {
		c.Static = map[string]string{"delete.topic.enable": "false"}
	})
	b.topic("kept")
	for v, want := range map[int16]int16{1: 42, 3: 73, 6: 73} {
		name := "kept"
		r := kmsg.NewPtrDeleteTopicsRequest()
		r.TopicNames, r.Topics = []string{name}, []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
		if a := ask[*kmsg.DeleteTopicsResponse](b.client, v, r); a.Topics[0].ErrorCode != want {
			t.Errorf("v%d: %+v, want error %d", v, a.Topics[0], want)
		}
	}
}

func TestCreatePartitions(t *testing.T) {
	b := newBed(t)
	b.topic("orders") // with 3
	self := b.control.Self().NodeID()
	some := func(n int) []kmsg.CreatePartitionsRequestTopicAssignment {
		list := make([]kmsg.CreatePartitionsRequestTopicAssignment, n)
		for i := range list {
			list[i].Replicas = []int32{self}
		}
		return list
	}
	for _, c := range []struct {
		topic  string
		count  int32
		assign []kmsg.CreatePartitionsRequestTopicAssignment
		dry    bool
		want   base.Kind
		after  int32
	}{
		{"orders", 3, nil, false, base.InvalidPartitions, 3},
		{"orders", 2, nil, false, base.InvalidPartitions, 3},
		{"orders", 0, nil, false, base.InvalidPartitions, 3},
		{"none", 5, nil, false, base.UnknownTopicOrPartition, 3},
		{"orders", 5, some(1), false, base.InvalidReplicaAssignment, 3},
		{"orders", 5, some(2), true, base.OK, 3},
		{"orders", 5, some(2), false, base.OK, 5},
		{"orders", 6, nil, false, base.OK, 6},
	} {
		r := kmsg.NewPtrCreatePartitionsRequest()
		r.ValidateOnly = c.dry
		r.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: c.topic, Count: c.count, Assignment: c.assign}}
		a := ask[*kmsg.CreatePartitionsResponse](b.client, 3, r)
		made, _ := b.control.View().Log.TopicByName("orders")
		if a.Topics[0].ErrorCode != int16(c.want) || made.Partitions != c.after {
			t.Errorf("%+v: %+v, %d partitions", c, a.Topics[0], made.Partitions)
		}
	}
	// The new partitions take records at once.
	if p := produced(t, ask[*kmsg.ProduceResponse](b.client, 9, produceRequest("orders", 5, records("x")))); p.ErrorCode != 0 {
		t.Errorf("produce: error %d", p.ErrorCode)
	}
}
