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

// Effective works out the values that act on a topic with these settings of its own. It parses them all anew: keep the
// result for as long as neither topic nor b changes. A value that no longer parses gives way to the next layer.
func Effective(topic []KV, b Broker) Values {
	r := resolver{topic, b}
	policy := r.value("cleanup.policy").List()
	return Values{
		Compact:                     slices.Contains(policy, "compact"),
		Delete:                      slices.Contains(policy, "delete"),
		RetentionMs:                 r.value("retention.ms").Int(),
		RetentionBytes:              r.value("retention.bytes").Int(),
		DeleteRetentionMs:           r.value("delete.retention.ms").Int(),
		MinCompactionLagMs:          r.value("min.compaction.lag.ms").Int(),
		MaxCompactionLagMs:          r.value("max.compaction.lag.ms").Int(),
		MinCleanableDirtyRatio:      r.value("min.cleanable.dirty.ratio").Float(),
		MaxMessageBytes:             int32(r.value("max.message.bytes").Int()),
		MaxDecompressedMessageBytes: int32(r.value("max.decompressed.message.bytes").Int()),
		LogAppendTime:               r.value("message.timestamp.type").String() == "LogAppendTime",
		TimestampBeforeMaxMs:        r.value("message.timestamp.before.max.ms").Int(),
		TimestampAfterMaxMs:         r.value("message.timestamp.after.max.ms").Int(),
		CompressionType:             r.value("compression.type").String(),
		GzipLevel:                   int32(r.value("compression.gzip.level").Int()),
		Lz4Level:                    int32(r.value("compression.lz4.level").Int()),
		ZstdLevel:                   int32(r.value("compression.zstd.level").Int()),
		SegmentBytes:                int32(r.value("segment.bytes").Int()),
		SegmentMs:                   r.value("segment.ms").Int(),
		MinInsyncReplicas:           int32(r.value("min.insync.replicas").Int()),
		DeadLetters:                 r.value("errors.deadletterqueue.group.enable").Bool(),
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
