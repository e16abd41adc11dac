package franz

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/compat/harness"
)

func TestCreateTopicAnswersWithWhatItMade(t *testing.T) {
	name := harness.Name(t)
	made := must(admin(t).CreateTopic(timeout(t), 3, -1, map[string]*string{"retention.ms": ptr("1234567")}, name))(t)
	if made.NumPartitions != 3 || made.ReplicationFactor < 1 || made.ID == (kadm.TopicID{}) {
		t.Errorf("created: %+v, want 3 partitions, their replicas and an id", made)
	}
	if c := made.Configs["retention.ms"]; c.Value == nil || *c.Value != "1234567" {
		t.Errorf("created with retention.ms %v, want 1234567", c.Value)
	}
	if _, there := made.Configs["cleanup.policy"]; !there {
		t.Error("the answer names only the configs that were set, want all")
	}
	listed := must(admin(t).ListTopics(timeout(t), name))(t)[name]
	if listed.Err != nil || len(listed.Partitions) != 3 || listed.ID != made.ID {
		t.Errorf("listed: %+v", listed)
	}
	for p, d := range listed.Partitions {
		if d.Leader < 0 || len(d.Replicas) == 0 || len(d.ISR) == 0 || d.LeaderEpoch < 0 {
			t.Errorf("partition %d: %+v, want a leader that is a replica in sync", p, d)
		}
	}
}

func TestCreateTopicRefusals(t *testing.T) {
	existing := topic(t, 1)
	for name, tc := range map[string]struct {
		topic      string
		partitions int32
		configs    map[string]*string
		want       error
	}{
		"exists":              {existing, 1, nil, kerr.TopicAlreadyExists},
		"empty name":          {"", 1, nil, kerr.InvalidTopicException},
		"dot":                 {".", 1, nil, kerr.InvalidTopicException},
		"two dots":            {"..", 1, nil, kerr.InvalidTopicException},
		"slash":               {"a/b", 1, nil, kerr.InvalidTopicException},
		"space":               {"a b", 1, nil, kerr.InvalidTopicException},
		"not ASCII":           {"tøpic", 1, nil, kerr.InvalidTopicException},
		"250 bytes":           {strings.Repeat("x", 250), 1, nil, kerr.InvalidTopicException},
		"no partitions":       {harness.Name(t), 0, nil, kerr.InvalidPartitions},
		"negative partitions": {harness.Name(t), -2, nil, kerr.InvalidPartitions},
		"unknown config":      {harness.Name(t), 1, map[string]*string{"no.such.config": ptr("1")}, kerr.InvalidConfig},
		"config no number":    {harness.Name(t), 1, map[string]*string{"retention.ms": ptr("soon")}, kerr.InvalidConfig},
		"config below range":  {harness.Name(t), 1, map[string]*string{"max.message.bytes": ptr("-1")}, kerr.InvalidConfig},
		"config no choice":    {harness.Name(t), 1, map[string]*string{"cleanup.policy": ptr("shred")}, kerr.InvalidConfig},
		"config is null":      {harness.Name(t), 1, map[string]*string{"retention.ms": nil}, kerr.InvalidConfig},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := admin(t).CreateTopic(timeout(t), tc.partitions, -1, tc.configs, tc.topic)
			if !errors.Is(err, tc.want) {
				t.Errorf("creating %.20q with %d partitions: %v, want %v", tc.topic, tc.partitions, err, tc.want)
			}
			if tc.topic != existing && tc.topic != "" {
				if listed := must(admin(t).ListTopics(timeout(t)))(t); listed.Has(tc.topic) {
					t.Error("refused and yet created")
				}
			}
		})
	}
}

func TestDefaultPartitionsOfATopic(t *testing.T) {
	name := harness.Name(t)
	made := must(admin(t).CreateTopic(timeout(t), -1, -1, nil, name))(t)
	if made.NumPartitions < 1 {
		t.Errorf("%d partitions by default, want at least 1", made.NumPartitions)
	}
}

func TestValidateOnlyCreatesNothing(t *testing.T) {
	name := harness.Name(t)
	if err := must(admin(t).ValidateCreateTopics(timeout(t), 2, -1, nil, name))(t).Error(); err != nil {
		t.Errorf("validating a good topic: %v", err)
	}
	if must(admin(t).ListTopics(timeout(t)))(t).Has(name) {
		t.Error("validated and yet created")
	}
}

func TestOneNameTwiceInARequestFailsBoth(t *testing.T) {
	name := harness.Name(t)
	req := kmsg.NewPtrCreateTopicsRequest()
	for range 2 {
		entry := kmsg.NewCreateTopicsRequestTopic()
		entry.Topic, entry.NumPartitions, entry.ReplicationFactor = name, 1, -1
		req.Topics = append(req.Topics, entry)
	}
	resp := must(req.RequestWith(timeout(t), client(t)))(t)
	if len(resp.Topics) != 1 || kerr.ErrorForCode(resp.Topics[0].ErrorCode) != error(kerr.InvalidRequest) {
		t.Errorf("answered %+v, want one INVALID_REQUEST", resp.Topics)
	}
}

func TestDeleteTopics(t *testing.T) {
	name, adm := topic(t, 2), admin(t)
	got := must(adm.DeleteTopics(timeout(t), name, name+"-unknown"))(t)
	if got[name].Err != nil {
		t.Errorf("deleting: %v", got[name].Err)
	}
	if err := got[name+"-unknown"].Err; !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("deleting an unknown topic: %v, want UNKNOWN_TOPIC_OR_PARTITION", err)
	}
	eventually(t, "it is no longer listed", func() bool { return !must(adm.ListTopics(timeout(t)))(t).Has(name) })
}

func TestDeleteTopicByID(t *testing.T) {
	name := harness.Name(t)
	made := must(admin(t).CreateTopic(timeout(t), 1, -1, nil, name))(t)
	delete := func(id [16]byte) error {
		req := kmsg.NewPtrDeleteTopicsRequest()
		entry := kmsg.NewDeleteTopicsRequestTopic()
		entry.TopicID = id
		req.Topics = append(req.Topics, entry)
		return kerr.ErrorForCode(must(req.RequestWith(timeout(t), client(t)))(t).Topics[0].ErrorCode)
	}
	if err := delete(made.ID); err != nil {
		t.Errorf("deleting by id: %v", err)
	}
	if err := delete([16]byte{1, 2, 3}); !errors.Is(err, kerr.UnknownTopicID) {
		t.Errorf("deleting an unknown id: %v, want UNKNOWN_TOPIC_ID", err)
	}
}

func TestCreatePartitions(t *testing.T) {
	name, adm := topic(t, 2), admin(t)
	for label, tc := range map[string]struct {
		topic string
		set   int
		want  error
	}{
		"fewer":   {name, 1, kerr.InvalidPartitions},
		"same":    {name, 2, kerr.InvalidPartitions},
		"zero":    {name, 0, kerr.InvalidPartitions},
		"minus":   {name, -5, kerr.InvalidPartitions},
		"unknown": {name + "-unknown", 3, kerr.UnknownTopicOrPartition},
	} {
		got := must(adm.UpdatePartitions(timeout(t), tc.set, tc.topic))(t)[tc.topic].Err
		if !errors.Is(got, tc.want) {
			t.Errorf("%s: %v, want %v", label, got, tc.want)
		}
	}
	if err := must(adm.ValidateUpdatePartitions(timeout(t), 9, name))(t).Error(); err != nil {
		t.Errorf("validating 9: %v", err)
	}
	if err := must(adm.UpdatePartitions(timeout(t), 5, name))(t).Error(); err != nil {
		t.Errorf("raising to 5: %v", err)
	}
	eventually(t, "5 partitions", func() bool { return len(must(adm.ListTopics(timeout(t), name))(t)[name].Partitions) == 5 })
	produce(t, client(t), name, "v", 50)
}

// config returns one config of a topic.
func config(t *testing.T, topic, key string) kadm.Config {
	t.Helper()
	configs := must(admin(t).DescribeTopicConfigs(timeout(t), topic))(t)
	for _, c := range configs[0].Configs {
		if c.Key == key {
			return c
		}
	}
	t.Fatalf("%s has no config %s", topic, key)
	return kadm.Config{}
}

func wantConfig(t *testing.T, topic, key, value string, source kmsg.ConfigSource) {
	t.Helper()
	// An alteration is applied a moment after it is answered, with Kafka too.
	var c kadm.Config
	eventually(t, key+" is "+value, func() bool {
		c = config(t, topic, key)
		return c.Value != nil && *c.Value == value && c.Source == source
	})
}

func TestConfigsTellTheirSource(t *testing.T) {
	// Equal to the default, and yet the topic's own.
	topic := topic(t, 1, "retention.ms", "604800000")
	wantConfig(t, topic, "retention.ms", "604800000", kmsg.ConfigSourceDynamicTopicConfig)
	wantConfig(t, topic, "cleanup.policy", "delete", kmsg.ConfigSourceDefaultConfig)
	wantConfig(t, topic, "max.message.bytes", "1048588", kmsg.ConfigSourceDefaultConfig)
	c := config(t, topic, "retention.ms")
	if len(c.Synonyms) == 0 || c.Synonyms[0].Key != "retention.ms" {
		t.Errorf("synonyms %+v, want the topic's own value first", c.Synonyms)
	}
}

func TestIncrementalAlterConfigs(t *testing.T) {
	topic, adm := topic(t, 1, "retention.ms", "1000"), admin(t)
	alter := func(op kadm.IncrementalOp, key, value string) error {
		t.Helper()
		v := &value
		if op == kadm.DeleteConfig {
			v = nil
		}
		got, err := adm.AlterTopicConfigs(timeout(t), []kadm.AlterConfig{{Op: op, Name: key, Value: v}}, topic)
		if err != nil {
			t.Fatal(err)
		}
		return got[0].Err
	}
	for _, step := range []struct {
		op         kadm.IncrementalOp
		key, value string
		want       error
	}{
		{kadm.SetConfig, "retention.bytes", "5000", nil},
		{kadm.AppendConfig, "cleanup.policy", "compact", nil},
		{kadm.SubtractConfig, "cleanup.policy", "delete", nil},
		{kadm.DeleteConfig, "retention.ms", "", nil},
		{kadm.AppendConfig, "retention.bytes", "1", kerr.InvalidConfig}, // not a list
		{kadm.SetConfig, "retention.bytes", "many", kerr.InvalidConfig},
		{kadm.SetConfig, "no.such.config", "1", kerr.InvalidConfig},
	} {
		if err := alter(step.op, step.key, step.value); !errors.Is(err, step.want) {
			t.Errorf("op %d of %s=%s: %v, want %v", step.op, step.key, step.value, err, step.want)
		}
	}
	wantConfig(t, topic, "retention.bytes", "5000", kmsg.ConfigSourceDynamicTopicConfig)
	wantConfig(t, topic, "cleanup.policy", "compact", kmsg.ConfigSourceDynamicTopicConfig)
	wantConfig(t, topic, "retention.ms", "604800000", kmsg.ConfigSourceDefaultConfig)

	got := must(adm.AlterTopicConfigs(timeout(t), []kadm.AlterConfig{{Name: "retention.ms", Value: ptr("1")}}, topic+"-unknown"))(t)
	if !errors.Is(got[0].Err, kerr.UnknownTopicOrPartition) {
		t.Errorf("altering an unknown topic: %v, want UNKNOWN_TOPIC_OR_PARTITION", got[0].Err)
	}
	validated := must(adm.ValidateAlterTopicConfigs(timeout(t), []kadm.AlterConfig{{Name: "retention.ms", Value: ptr("77")}}, topic))(t)
	if validated[0].Err != nil || *config(t, topic, "retention.ms").Value == "77" {
		t.Errorf("validating only: %v, and it must change nothing", validated[0].Err)
	}
}

// The old AlterConfigs sets what it names and resets the rest.
func TestAlterConfigsResetsWhatItDoesNotName(t *testing.T) {
	topic := topic(t, 1, "retention.ms", "1000", "retention.bytes", "5000")
	got := must(admin(t).AlterTopicConfigsState(timeout(t), []kadm.AlterConfig{{Name: "retention.ms", Value: ptr("2000")}}, topic))(t)
	if got[0].Err != nil {
		t.Fatal(got[0].Err)
	}
	wantConfig(t, topic, "retention.ms", "2000", kmsg.ConfigSourceDynamicTopicConfig)
	wantConfig(t, topic, "retention.bytes", "-1", kmsg.ConfigSourceDefaultConfig)
}

func TestDescribeConfigsOfUnknownTopic(t *testing.T) {
	got := must(admin(t).DescribeTopicConfigs(timeout(t), harness.Name(t)))(t)
	if !errors.Is(got[0].Err, kerr.UnknownTopicOrPartition) {
		t.Errorf("%v, want UNKNOWN_TOPIC_OR_PARTITION", got[0].Err)
	}
}

func TestDescribeConfigsOfBrokers(t *testing.T) {
	adm := admin(t)
	brokers := must(adm.ListBrokers(timeout(t)))(t).NodeIDs()
	for _, rc := range must(adm.DescribeBrokerConfigs(timeout(t), brokers...))(t) {
		if rc.Err != nil || len(rc.Configs) == 0 {
			t.Errorf("broker %s: %d configs, %v", rc.Name, len(rc.Configs), rc.Err)
		}
	}
}

func TestDescribeClusterNamesAllAgentsAndAController(t *testing.T) {
	c := cluster(t)
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType = 1
	resp := must(req.RequestWith(timeout(t), client(t)))(t)
	if len(resp.Brokers) != c.Len() || resp.ClusterID == "" {
		t.Errorf("cluster %q with %d brokers, want %d", resp.ClusterID, len(resp.Brokers), c.Len())
	}
	var known bool
	for _, b := range resp.Brokers {
		known = known || b.NodeID == resp.ControllerID
	}
	if !known {
		t.Errorf("controller %d is none of %+v", resp.ControllerID, resp.Brokers)
	}
	meta := must(admin(t).BrokerMetadata(timeout(t)))(t)
	if meta.Cluster != resp.ClusterID || len(meta.Brokers) != c.Len() {
		t.Errorf("metadata of cluster %q with %d brokers, want the same as DescribeCluster", meta.Cluster, len(meta.Brokers))
	}
}

func TestListOffsetsSpecials(t *testing.T) {
	topic, adm := topic(t, 1), admin(t)
	empty := func(name string, got kadm.ListedOffsets, want int64) {
		t.Helper()
		if o, ok := got.Lookup(topic, 0); !ok || o.Err != nil || o.Offset != want {
			t.Errorf("%s: %+v, want offset %d", name, o, want)
		}
	}
	empty("start of an empty partition", must(adm.ListStartOffsets(timeout(t), topic))(t), 0)
	empty("end of an empty partition", must(adm.ListEndOffsets(timeout(t), topic))(t), 0)
	empty("max timestamp of an empty partition", must(adm.ListMaxTimestampOffsets(timeout(t), topic))(t), -1)

	fill(t, topic, 10)
	if _, err := adm.DeleteRecords(timeout(t), kadm.Offsets{topic: {0: kadm.Offset{Topic: topic, At: 3}}}); err != nil {
		t.Fatal(err)
	}
	empty("start", must(adm.ListStartOffsets(timeout(t), topic))(t), 3)
	empty("end", must(adm.ListEndOffsets(timeout(t), topic))(t), 10)
	empty("committed end", must(adm.ListCommittedOffsets(timeout(t), topic))(t), 10)
	empty("local start", must(adm.ListLocalLogStartOffsets(timeout(t), topic))(t), 3)
	empty("tiered", must(adm.ListLatestRemoteOffsets(timeout(t), topic))(t), -1)
	empty("after all", must(adm.ListOffsetsAfterMilli(timeout(t), 1<<42, topic))(t), 10) // kadm turns "none" into the end
	last, _ := must(adm.ListMaxTimestampOffsets(timeout(t), topic))(t).Lookup(topic, 0)
	// Kafka may still name a record that DeleteRecords took, until it deletes the file.
	if last.Err != nil || last.Offset < 0 || last.Offset > 9 || last.Timestamp <= 0 {
		t.Errorf("max timestamp: %+v, want a record's offset and time", last)
	}
}

func TestListOffsetsOfUnknownPartition(t *testing.T) {
	topic := topic(t, 1)
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.Timestamp = 7, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := client(t).Broker(int(must(admin(t).ListBrokers(timeout(t)))(t)[0].NodeID)).Request(timeout(t), req)
	if err != nil {
		t.Fatal(err)
	}
	code := resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].ErrorCode
	if err := kerr.ErrorForCode(code); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("partition 7 of 1: %v, want UNKNOWN_TOPIC_OR_PARTITION", err)
	}
}

func TestDeleteRecords(t *testing.T) {
	topic, adm := topic(t, 1), admin(t)
	fill(t, topic, 10)
	for _, step := range []struct {
		at   int64
		want int64 // the low watermark after it
		err  error
	}{
		{4, 4, nil},
		{2, 4, nil}, // below the start: nothing to do
		{11, -1, kerr.OffsetOutOfRange},
		{-2, -1, kerr.OffsetOutOfRange},
		{-1, 10, nil}, // the high watermark
	} {
		got := must(adm.DeleteRecords(timeout(t), kadm.Offsets{topic: {0: kadm.Offset{Topic: topic, At: step.at}}}))(t)[topic][0]
		if !errors.Is(got.Err, step.err) || got.LowWatermark != step.want {
			t.Errorf("deleting before %d: low watermark %d, %v; want %d, %v", step.at, got.LowWatermark, got.Err, step.want, step.err)
		}
	}
	fill(t, topic, 1)
	if got := consume(t, client(t, at(topic, startOf)), 1); got[0].Offset != 10 {
		t.Errorf("first offset %d, want 10", got[0].Offset)
	}
}

func TestOffsetForLeaderEpoch(t *testing.T) {
	topic := topic(t, 1)
	fill(t, topic, 5)
	epoch := must(admin(t).ListTopics(timeout(t), topic))(t)[topic].Partitions[0].LeaderEpoch
	ask := func(of int32) kadm.OffsetForLeaderEpoch {
		var req kadm.OffsetForLeaderEpochRequest
		req.Add(topic, 0, of)
		return must(admin(t).OffsetForLeaderEpoch(timeout(t), req))(t)[topic][0]
	}
	if got := ask(epoch); got.Err != nil || got.EndOffset != 5 || got.LeaderEpoch != epoch {
		t.Errorf("the current epoch: %+v, want its end at 5", got)
	}
	if got := ask(epoch + 5); got.Err != nil || got.EndOffset != -1 || got.LeaderEpoch != -1 {
		t.Errorf("an epoch of the future: %+v, want -1 and -1", got)
	}
}

// Compacted topics take no record without a key; the answer names the records at fault.
func TestCompactedTopicRefusesNullKeys(t *testing.T) {
	topic := topic(t, 1, "cleanup.policy", "compact")
	err := client(t).ProduceSync(timeout(t), record(topic, nil)).FirstErr()
	if !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("a null key: %v, want INVALID_RECORD", err)
	}
	if err := client(t).ProduceSync(timeout(t), record(topic, []byte("k"))).FirstErr(); err != nil {
		t.Errorf("a key: %v", err)
	}
}
