package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

func text(s string) *string { return &s }

func TestEffectiveTakesTheFirstLayerThatSpeaks(t *testing.T) {
	own := map[string]string{"log.retention.hours": "2", "log.retention.minutes": "5", "message.max.bytes": "1000"}
	cluster := []KV{{"log.cleanup.policy", "compact"}, {"message.max.bytes", "2000"}}
	topic := []KV{{"cleanup.policy", " delete , compact"}, {"message.timestamp.type", "LogAppendTime"}}

	v := Effective(nil, Broker{})
	if v.RetentionMs != 7*24*hourMs || !v.Delete || v.Compact || v.MaxMessageBytes != 1048588 || v.CompressionType != "producer" {
		t.Errorf("defaults: %+v", v)
	}
	v = Effective(nil, NewBroker(own, nil))
	if v.RetentionMs != 5*minuteMs || v.MaxMessageBytes != 1000 {
		t.Errorf("minutes win over hours: %+v", v)
	}
	v = Effective(nil, NewBroker(own, cluster))
	if !v.Compact || v.Delete || v.MaxMessageBytes != 2000 {
		t.Errorf("the cluster's value wins over the agent's: %+v", v)
	}
	v = Effective(topic, NewBroker(own, cluster))
	if !v.Compact || !v.Delete || !v.LogAppendTime {
		t.Errorf("the topic's value wins over all: %+v", v)
	}
	v = Effective([]KV{{"cleanup.policy", ""}}, Broker{})
	if v.Compact || v.Delete {
		t.Errorf("an empty policy keeps everything: %+v", v)
	}
}

// A value that was stored under older rules must not stop an agent: the next layer speaks.
func TestEffectiveSurvivesAStoredValueThatIsNoLongerValid(t *testing.T) {
	v := Effective([]KV{{"retention.ms", "soon"}}, NewBroker(nil, []KV{{"message.max.bytes", "many"}}))
	if v.RetentionMs != 7*24*hourMs || v.MaxMessageBytes != 1048588 {
		t.Errorf("%+v", v)
	}
}

func TestRetentionBelowMinusOneIsForEver(t *testing.T) {
	for _, own := range []map[string]string{{"log.retention.ms": "-7"}, {"log.retention.minutes": "-1"}, {"log.retention.hours": "-1"}} {
		if got := Effective(nil, NewBroker(own, nil)).RetentionMs; got != -1 {
			t.Errorf("%v: %d", own, got)
		}
	}
}

func TestBrokerValues(t *testing.T) {
	v := Broker{}.Values()
	want := BrokerValues{
		AutoCreateTopics: true, DeleteTopics: true, NumPartitions: 1, DefaultReplicationFactor: 1,
		FetchMaxBytes: 57671680, FetchSessionSlots: 1000,
		GroupMinSessionTimeoutMs: 6000, GroupMaxSessionTimeoutMs: 1800000, GroupInitialRebalanceDelayMs: 3000, GroupMaxSize: 2147483647,
		OffsetMetadataMaxBytes: 4096, OffsetsRetentionMinutes: 10080,
		TransactionMaxTimeoutMs: 900000, TransactionalIDExpirationMs: 604800000, ProducerIDExpirationMs: 86400000,
		ConnectionsMaxIdleMs: 600000, SocketRequestMaxBytes: 104857600,
	}
	if v != want {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
	b := NewBroker(map[string]string{"auto.create.topics.enable": "false", "num.partitions": "9"}, []KV{{"producer.id.expiration.ms", "5"}})
	if v := b.Values(); v.AutoCreateTopics || v.NumPartitions != 9 || v.ProducerIDExpirationMs != 5 {
		t.Errorf("%+v", v)
	}
}

// Kafka's table does not bound the factor; the protocol's field has 16 bits.
func TestReplicationFactorFitsTheProtocol(t *testing.T) {
	for in, want := range map[string]int16{"3": 3, "-1": -1, "40000": 32767, "-40000": -1} {
		if got := NewBroker(map[string]string{"default.replication.factor": in}, nil).Values().DefaultReplicationFactor; got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
}

func TestNodeIDAndBrokerIDStandForEachOther(t *testing.T) {
	for _, given := range []string{"node.id", "broker.id"} {
		b := NewBroker(map[string]string{given: "4"}, nil)
		for _, name := range []string{"node.id", "broker.id"} {
			if v, ok := b.value(name); !ok || v.Int() != 4 {
				t.Errorf("%s given, %s is %v", given, name, v)
			}
		}
	}
}

func TestCheckStatic(t *testing.T) {
	tests := []struct {
		own  map[string]string
		text string
	}{
		{map[string]string{"num.partitions": "3", "millrace.batch": "what it likes"}, ""},
		{map[string]string{"num.partitions": "0"}, "Invalid value 0 for configuration num.partitions: Value must be at least 1"},
		{map[string]string{"log.roll.hours": "1", "log.roll.ms": "0"}, "requirement failed: log.roll.ms must be greater than or equal to 1"},
		{map[string]string{"log.cleaner.min.compaction.lag.ms": "9", "log.cleaner.max.compaction.lag.ms": "8"},
			"conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (8)"},
		{map[string]string{"listeners": ""}, "Configuration 'listeners' must not be empty. Valid values include: any non-empty value"},
		{map[string]string{"process.roles": ""}, "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]"},
	}
	for _, test := range tests {
		err := CheckStatic(test.own)
		if test.text == "" && err != nil || test.text != "" && (err == nil || err.Error() != test.text) {
			t.Errorf("%v: %v, want %q", test.own, err, test.text)
		}
	}
}

func TestMalformedOperationsAreRefusedWhole(t *testing.T) {
	tests := []struct {
		ops  []Op
		text string
	}{
		{[]Op{{"retention.ms", Set, text("1")}, {"retention.ms", Delete, nil}}, "Error due to duplicate config keys"},
		{[]Op{{"retention.ms", Set, nil}, {"cleanup.policy", Append, nil}}, "Null value not supported for : retention.ms, cleanup.policy"},
		{[]Op{{"retention.ms", 9, text("1")}}, "Unknown operations type 9"},
		{[]Op{{"retention.ms", -1, text("1")}}, "Unknown operations type -1"},
	}
	current := []KV{{"retention.ms", "7"}}
	for _, test := range tests {
		for _, apply := range []func([]KV, []Op, Broker) ([]KV, error){ApplyTopic, ApplyBroker} {
			_, err := apply(current, test.ops, Broker{})
			if base.KindOf(err) != base.InvalidRequest || err.Error() != test.text {
				t.Errorf("%v: %v, want %s", test.ops, err, test.text)
			}
		}
	}
	if _, err := ReplaceTopic(current, []Op{{"retention.ms", Delete, nil}}, Broker{}); base.KindOf(err) != base.InvalidRequest {
		t.Errorf("AlterConfigs takes no null: %v", err)
	}
	if !slices.Equal(current, []KV{{"retention.ms", "7"}}) {
		t.Errorf("the current set was changed: %v", current)
	}
}

func TestReplaceBrokerDropsTheRest(t *testing.T) {
	got, err := ReplaceBroker([]Op{{"message.max.bytes", Set, text("5")}}, Broker{})
	if err != nil || !slices.Equal(got, []KV{{"message.max.bytes", "5"}}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ReplaceBroker([]Op{{"node.id", Set, text("5")}}, Broker{}); base.KindOf(err) != base.InvalidRequest {
		t.Errorf("node.id is read-only: %v", err)
	}
}

func TestDescribeOnlyWhatIsAskedFor(t *testing.T) {
	got := DescribeTopic(nil, Broker{}, Options{Names: []string{"retention.ms", "nope", "cleanup.policy"}})
	if len(got) != 2 || got[0].Name != "cleanup.policy" || got[1].Name != "retention.ms" {
		t.Fatalf("%+v", got)
	}
	if got[0].Doc != nil || got[0].Synonyms != nil {
		t.Errorf("documentation and synonyms were not asked for: %+v", got[0])
	}
	if got[0].Source != FromDefault {
		t.Errorf("source %d", got[0].Source)
	}
}

// A topic's value counts as its own even when it equals the default; tools tell overrides by it.
func TestDescribeKnowsAnOverrideThatEqualsTheDefault(t *testing.T) {
	got := DescribeTopic([]KV{{"retention.bytes", "-1"}}, Broker{}, Options{Names: []string{"retention.bytes"}})
	if len(got) != 1 || got[0].Source != FromTopic || *got[0].Value != "-1" {
		t.Errorf("%+v", got)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	b := NewBroker(map[string]string{"ssl.keystore.password": "hunter2"}, nil)
	got := DescribeBroker(b, Options{Names: []string{"ssl.keystore.password"}, Synonyms: true})
	if len(got) != 1 || got[0].Value != nil || !got[0].Sensitive || len(got[0].Synonyms) != 1 || got[0].Synonyms[0].Value != nil {
		t.Errorf("%+v", got)
	}
}

func TestDescribedSettingsAreInOrder(t *testing.T) {
	byName := func(a, b Described) int { return map[bool]int{true: -1, false: 1}[a.Name < b.Name] }
	if got := DescribeBroker(Broker{}, Options{}); !slices.IsSortedFunc(got, byName) {
		t.Error("broker settings are not in order")
	}
	if got := DescribeTopic(nil, Broker{}, Options{}); !slices.IsSortedFunc(got, byName) {
		t.Error("topic settings are not in order")
	}
}

func TestJavaDoubles(t *testing.T) {
	for in, want := range map[string]string{
		"0.5": "0.5", "1": "1.0", "-0": "-0.0", "0.001": "0.001", "0.0009": "9.0E-4", "1e7": "1.0E7", "9999999": "9999999.0",
		"123456789": "1.23456789E8", "1e999": "Infinity", "-1e999": "-Infinity", "NaN": "NaN", "2.5e-10d": "2.5E-10",
	} {
		v, err := parseType("x", in, Double)
		if err != nil || v.String() != want {
			t.Errorf("%s: %s, %v, want %s", in, v, err, want)
		}
	}
}

// FuzzParse: no text breaks a parser, and what is shown for a good one is read back as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "0.5", "NaN", "0x1p3f", "true", "a,b", " , ", "1:2,*", "\x00é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, table := range []*Table{Topic, BrokerTable} {
			for _, d := range table.defs {
				shown, err := table.Normalize(d.Name, value)
				if err != nil {
					if base.KindOf(err) != base.InvalidConfig {
						t.Fatalf("%s=%q: %v is %d", d.Name, value, err, base.KindOf(err))
					}
					continue
				}
				// Java trims control characters at the ends but not around commas, so they may be trimmed later.
				if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }) {
					continue
				}
				again, err := table.Normalize(d.Name, shown)
				if err != nil || again != shown {
					t.Fatalf("%s=%q shows as %q, then as %q, %v", d.Name, value, shown, again, err)
				}
			}
		}
	})
}

// FuzzApply: whatever is asked, a result is sorted, free of repeats and valid, and an error has a kind of Kafka's.
func FuzzApply(f *testing.F) {
	f.Add("cleanup.policy", int8(2), "compact", "retention.ms", int8(0), "5")
	f.Add("cleanup.policy", int8(3), ",", "nope", int8(1), "")
	f.Fuzz(func(t *testing.T, n1 string, k1 int8, v1, n2 string, k2 int8, v2 string) {
		current := []KV{{"cleanup.policy", "delete"}, {"leader.replication.throttled.replicas", "0:1"}}
		got, err := ApplyTopic(current, []Op{{n1, OpKind(k1), &v1}, {n2, OpKind(k2), &v2}}, Broker{})
		if err != nil {
			if k := base.KindOf(err); k != base.InvalidConfig && k != base.InvalidRequest {
				t.Fatalf("%v is %d", err, k)
			}
			return
		}
		for i := 1; i < len(got); i++ {
			if got[i-1].Name >= got[i].Name {
				t.Fatalf("out of order: %v", got)
			}
		}
		if err := ValidateTopic(nil, got, Broker{}); err != nil {
			t.Fatalf("%v: %v", got, err)
		}
	})
}

func BenchmarkEffective(b *testing.B) {
	topic := []KV{{"cleanup.policy", "compact"}, {"retention.ms", "1000"}}
	broker := NewBroker(map[string]string{"log.retention.hours": "2"}, nil)
	b.ReportAllocs()
	for b.Loop() {
		Effective(topic, broker)
	}
}

// Every setting that acts must reach its field: each is given a value that is not its default.
func TestEveryActingSettingReachesItsField(t *testing.T) {
	topic := []KV{
		{"cleanup.policy", "compact"}, {"compression.gzip.level", "2"}, {"compression.lz4.level", "3"}, {"compression.type", "lz4"},
		{"compression.zstd.level", "4"}, {"delete.retention.ms", "5"}, {"errors.deadletterqueue.group.enable", "true"},
		{"max.compaction.lag.ms", "6"}, {"max.decompressed.message.bytes", "7"}, {"max.message.bytes", "8"},
		{"message.timestamp.after.max.ms", "9"}, {"message.timestamp.before.max.ms", "10"}, {"message.timestamp.type", "LogAppendTime"},
		{"min.cleanable.dirty.ratio", "0.25"}, {"min.compaction.lag.ms", "1"}, {"min.insync.replicas", "11"}, {"retention.bytes", "12"},
		{"retention.ms", "13"}, {"segment.bytes", "1048577"}, {"segment.ms", "14"},
	}
	want := Values{
		Compact: true, GzipLevel: 2, Lz4Level: 3, CompressionType: "lz4", ZstdLevel: 4, DeleteRetentionMs: 5, DeadLetters: true,
		MaxCompactionLagMs: 6, MaxDecompressedMessageBytes: 7, MaxMessageBytes: 8, TimestampAfterMaxMs: 9, TimestampBeforeMaxMs: 10,
		LogAppendTime: true, MinCleanableDirtyRatio: 0.25, MinCompactionLagMs: 1, MinInsyncReplicas: 11, RetentionBytes: 12,
		RetentionMs: 13, SegmentBytes: 1048577, SegmentMs: 14,
	}
	if got := Effective(topic, Broker{}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
