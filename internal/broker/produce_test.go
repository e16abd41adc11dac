package broker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

func kv(name, value string) config.KV { return config.KV{Name: name, Value: value} }

func records(values ...string) []byte {
	list := make([]batch.NewRecord, len(values))
	for i, v := range values {
		list[i] = batch.NewRecord{Timestamp: int64(1000 + i), Value: []byte(v)}
	}
	return batch.Plain(batch.None).Build(list...)
}

func produceRequest(topic string, partition int32, records []byte) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 10_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, records
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

func produced(t testing.TB, r *kmsg.ProduceResponse) kmsg.ProduceResponseTopicPartition {
	t.Helper()
	if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		t.Fatalf("%+v", r)
	}
	return r.Topics[0].Partitions[0]
}

// Every served version appends, and the offsets follow each other.
func TestProduceEveryVersion(t *testing.T) {
	b := newBed(t)
	topic := b.topic("orders")
	for v := int16(3); v <= 13; v++ {
		r := produceRequest("orders", 1, records("a", "b"))
		if v >= 13 {
			r.Topics[0].Topic, r.Topics[0].TopicID = "", topic.ID
		}
		p := produced(t, ask[*kmsg.ProduceResponse](b.client, v, r))
		if want := int64(v-3) * 2; p.ErrorCode != 0 || p.BaseOffset != want {
			t.Errorf("v%d: error %d offset %d, want offset %d", v, p.ErrorCode, p.BaseOffset, want)
		}
	}
}

func TestProduceRefusals(t *testing.T) {
	b := newBed(t)
	b.topic("orders", "max.message.bytes", "100")
	b.topic("compacted", "cleanup.policy", "compact")
	txn := "t1"
	transactional := batch.Plain(batch.None)
	transactional.Attributes |= batch.Transactional
	transactional.ProducerID, transactional.Epoch, transactional.BaseSequence = 7, 0, 0
	broken := records("x")
	broken[len(broken)-1] ^= 1
	for name, c := range map[string]struct {
		version int16
		topic   string
		part    int32
		records []byte
		change  func(*kmsg.ProduceRequest)
		want    base.Kind
	}{
		"unknown topic":       {9, "nope", 0, records("x"), nil, base.UnknownTopicOrPartition},
		"unknown id":          {13, "", 0, records("x"), func(r *kmsg.ProduceRequest) { r.Topics[0].TopicID[3] = 9 }, base.UnknownTopicID},
		"partition too high":  {9, "orders", 3, records("x"), nil, base.UnknownTopicOrPartition},
		"negative partition":  {9, "orders", -1, records("x"), nil, base.UnknownTopicOrPartition},
		"too large":           {9, "orders", 0, records(string(make([]byte, 100))), nil, base.MessageTooLarge},
		"checksum":            {9, "orders", 0, broken, nil, base.CorruptMessage},
		"no records":          {9, "orders", 0, nil, nil, base.InvalidRecord},
		"no key":              {9, "compacted", 0, records("x"), nil, base.InvalidRecord},
		"acks 2":              {9, "orders", 0, records("x"), func(r *kmsg.ProduceRequest) { r.Acks = 2 }, base.InvalidRequiredAcks},
		"version 0":           {0, "orders", 0, records("x"), nil, base.UnsupportedVersion},
		"version 2":           {2, "orders", 0, records("x"), nil, base.UnsupportedVersion},
		"transactional id":    {9, "orders", 0, records("x"), func(r *kmsg.ProduceRequest) { r.TransactionID = &txn }, base.TransactionalIDAuthorization},
		"transactional batch": {9, "orders", 0, transactional.Build(batch.NewRecord{}), nil, base.TransactionalIDAuthorization},
	} {
		t.Run(name, func(t *testing.T) {
			r := produceRequest(c.topic, c.part, c.records)
			if c.change != nil {
				c.change(r)
			}
			p := produced(t, ask[*kmsg.ProduceResponse](b.client, c.version, r))
			if p.ErrorCode != int16(c.want) || p.BaseOffset != -1 {
				t.Errorf("error %d offset %d, want error %d", p.ErrorCode, p.BaseOffset, c.want)
			}
		})
	}
	eventually(t, "all memory is free", func() bool { return b.broker.frames.reserved() == 0 })
}

// A partition that stands twice in a request, in whatever order and however its topic is split up, is answered once, in the
// place of its first; its last records count.
func TestProduceOfAPartitionThatStandsTwice(t *testing.T) {
	b := newBed(t)
	b.topic("orders")
	b.topic("bills")
	part := func(index int32, values ...string) kmsg.ProduceRequestTopicPartition {
		return kmsg.ProduceRequestTopicPartition{Partition: index, Records: records(values...)}
	}
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 10_000
	r.Topics = []kmsg.ProduceRequestTopic{
		{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{part(2, "a"), part(0, "a"), part(2, "a", "b", "c")}},
		{Topic: "bills", Partitions: []kmsg.ProduceRequestTopicPartition{part(1, "a")}},
		{Topic: "none"},
		{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{part(1, "a"), part(0, "a", "b")}},
	}
	var got []string
	for _, topic := range ask[*kmsg.ProduceResponse](b.client, 9, r).Topics {
		for _, p := range topic.Partitions {
			got = append(got, fmt.Sprintf("%s-%d: error %d offset %d", topic.Topic, p.Partition, p.ErrorCode, p.BaseOffset))
		}
	}
	want := []string{"orders-2: error 0 offset 0", "orders-0: error 0 offset 0", "orders-1: error 0 offset 0", "bills-1: error 0 offset 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for index, end := range []int64{2, 1, 3} {
		p := produced(t, ask[*kmsg.ProduceResponse](b.client, 9, produceRequest("orders", int32(index), records("z"))))
		if p.BaseOffset != end {
			t.Errorf("orders-%d ended at %d, want %d", index, p.BaseOffset, end)
		}
	}
}
