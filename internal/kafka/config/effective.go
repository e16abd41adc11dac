package config

import (
	"math"
	"slices"
)

// Values is what a topic's settings are worth to the engine. Times are milliseconds, sizes bytes.
type Values struct {
	// Compact and Delete are cleanup.policy; neither keeps everything.
	Compact, Delete bool
	// RetentionMs and RetentionBytes are -1 without a bound.
	RetentionMs, RetentionBytes int64
	DeleteRetentionMs           int64
	MinCompactionLagMs          int64
	MaxCompactionLagMs          int64
	MinCleanableDirtyRatio      float64

	MaxMessageBytes             int32
	MaxDecompressedMessageBytes int32
	// LogAppendTime is message.timestamp.type; false is CreateTime, for which the two bounds hold.
	LogAppendTime                             bool
	TimestampBeforeMaxMs, TimestampAfterMaxMs int64
	// CompressionType is producer, uncompressed, gzip, snappy, lz4 or zstd.
	CompressionType                string
	GzipLevel, Lz4Level, ZstdLevel int32

	SegmentBytes      int32
	SegmentMs         int64
	MinInsyncReplicas int32
	// DeadLetters: share groups may write undeliverable records here (KIP-1191).
	DeadLetters bool
}

// Effective works out the values that act on a topic with these settings of its own. Only those are parsed; a value
// that no longer parses gives way to the broker-wide one.
func Effective(topic []KV, b Broker) Values {
	v := kafkaDefaults
	if b.forTopics != nil {
		v = *b.forTopics
	}
	for _, kv := range topic {
		if parsed, err := Topic.Parse(kv.Name, kv.Value); err == nil {
			v.set(kv.Name, parsed)
		}
	}
	return v
}

// kafkaDefaults is what a topic without settings is worth under a broker without any.
var kafkaDefaults = Broker{}.topicValues()

func (b Broker) topicValues() Values {
	var v Values
	for _, d := range Topic.defs {
		if parsed, ok := b.forTopic(d); ok {
			v.set(d.Name, parsed)
		}
	}
	return v
}

// set puts a topic setting into its field; most settings have none, for they act on nothing.
func (v *Values) set(name string, to Value) {
	switch name {
	case "cleanup.policy":
		v.Compact, v.Delete = slices.Contains(to.list, "compact"), slices.Contains(to.list, "delete")
	case "retention.ms":
		v.RetentionMs = to.num
	case "retention.bytes":
		v.RetentionBytes = to.num
	case "delete.retention.ms":
		v.DeleteRetentionMs = to.num
	case "min.compaction.lag.ms":
		v.MinCompactionLagMs = to.num
	case "max.compaction.lag.ms":
		v.MaxCompactionLagMs = to.num
	case "min.cleanable.dirty.ratio":
		v.MinCleanableDirtyRatio = to.dbl
	case "segment.bytes":
		v.SegmentBytes = int32(to.num)
	case "segment.ms":
		v.SegmentMs = to.num
	case "min.insync.replicas":
		v.MinInsyncReplicas = int32(to.num)
	case "errors.deadletterqueue.group.enable":
		v.DeadLetters = to.Bool()
	default:
		v.setForAppend(name, to)
	}
}

// setForAppend is set for the settings that act on what producers send.
func (v *Values) setForAppend(name string, to Value) {
	switch name {
	case "max.message.bytes":
		v.MaxMessageBytes = int32(to.num)
	case "max.decompressed.message.bytes":
		v.MaxDecompressedMessageBytes = int32(to.num)
	case "message.timestamp.type":
		v.LogAppendTime = to.str == "LogAppendTime"
	case "message.timestamp.before.max.ms":
		v.TimestampBeforeMaxMs = to.num
	case "message.timestamp.after.max.ms":
		v.TimestampAfterMaxMs = to.num
	case "compression.type":
		v.CompressionType = to.str
	case "compression.gzip.level":
		v.GzipLevel = int32(to.num)
	case "compression.lz4.level":
		v.Lz4Level = int32(to.num)
	case "compression.zstd.level":
		v.ZstdLevel = int32(to.num)
	}
}

// resolver finds the value of any topic setting through all layers.
type resolver struct {
	topic  []KV
	broker Broker
}

func (r resolver) value(name string) Value {
	d, _ := Topic.Lookup(name)
	if text, ok := find(r.topic, name); ok {
		if v, err := d.parse(text); err == nil {
			return v
		}
	}
	v, _ := r.broker.forTopic(d)
	return v
}

// BrokerValues is what the broker settings are worth to the engine. Times are in the unit of the name.
type BrokerValues struct {
	AutoCreateTopics         bool
	DeleteTopics             bool
	NumPartitions            int32
	DefaultReplicationFactor int16
	FetchMaxBytes            int32
	FetchSessionSlots        int32

	GroupMinSessionTimeoutMs     int32
	GroupMaxSessionTimeoutMs     int32
	GroupInitialRebalanceDelayMs int32
	GroupMaxSize                 int32

	OffsetMetadataMaxBytes  int32
	OffsetsRetentionMinutes int32

	TransactionMaxTimeoutMs     int32
	TransactionalIDExpirationMs int32
	ProducerIDExpirationMs      int32

	ConnectionsMaxIdleMs  int64
	SocketRequestMaxBytes int32
}

// Values works out the broker settings that act.
func (b Broker) Values() BrokerValues {
	i32 := func(name string) int32 { v, _ := b.value(name); return int32(v.Int()) }
	flag := func(name string) bool { v, _ := b.value(name); return v.Bool() }
	idle, _ := b.value("connections.max.idle.ms")
	return BrokerValues{
		AutoCreateTopics:             flag("auto.create.topics.enable"),
		DeleteTopics:                 flag("delete.topic.enable"),
		NumPartitions:                i32("num.partitions"),
		DefaultReplicationFactor:     int16(min(max(i32("default.replication.factor"), -1), math.MaxInt16)),
		FetchMaxBytes:                i32("fetch.max.bytes"),
		FetchSessionSlots:            i32("max.incremental.fetch.session.cache.slots"),
		GroupMinSessionTimeoutMs:     i32("group.min.session.timeout.ms"),
		GroupMaxSessionTimeoutMs:     i32("group.max.session.timeout.ms"),
		GroupInitialRebalanceDelayMs: i32("group.initial.rebalance.delay.ms"),
		GroupMaxSize:                 i32("group.max.size"),
		OffsetMetadataMaxBytes:       i32("offset.metadata.max.bytes"),
		OffsetsRetentionMinutes:      i32("offsets.retention.minutes"),
		TransactionMaxTimeoutMs:      i32("transaction.max.timeout.ms"),
		TransactionalIDExpirationMs:  i32("transactional.id.expiration.ms"),
		ProducerIDExpirationMs:       i32("producer.id.expiration.ms"),
		ConnectionsMaxIdleMs:         idle.Int(),
		SocketRequestMaxBytes:        i32("socket.request.max.bytes"),
	}
}
