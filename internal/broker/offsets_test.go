package broker

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

func (b *bed) produce(topic string, partition int32, values ...string) {
	b.t.Helper()
	if p := produced(b.t, ask[*kmsg.ProduceResponse](b.client, 9, produceRequest(topic, partition, records(values...)))); p.ErrorCode != 0 {
		b.t.Fatalf("produce to %s: error %d", topic, p.ErrorCode)
	}
}

func listRequest(topic string, partition int32, timestamp int64, epoch int32) *kmsg.ListOffsetsRequest {
	r := kmsg.NewPtrListOffsetsRequest()
	r.ReplicaID = -1
	r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{
		{Partition: partition, Timestamp: timestamp, CurrentLeaderEpoch: epoch}}}}
	return r
}

func TestListOffsets(t *testing.T) {
	b := newBed(t)
	b.fetch.atTime = func(timestamp int64, max bool) (int64, int64, error) {
		switch {
		case max:
			return 2, 1002, nil
		case timestamp <= 1001:
			return 1, 1001, nil
		}
		return -1, -1, nil
	}
	b.topic("orders")
	b.produce("orders", 0, "a", "b", "c")
	for name, c := range map[string]struct {
		r      *kmsg.ListOffsetsRequest
		since  int16 // lower versions are UNSUPPORTED_VERSION
		offset int64
		at     int64
		epoch  int32
		want   base.Kind
	}{
		"latest":              {listRequest("orders", 0, -1, -1), 1, 3, -1, 1, base.OK},
		"earliest":            {listRequest("orders", 0, -2, -1), 1, 0, -1, 1, base.OK},
		"max timestamp":       {listRequest("orders", 0, -3, -1), 7, 2, 1002, 1, base.OK},
		"earliest local":      {listRequest("orders", 0, -4, -1), 8, 0, -1, 1, base.OK},
		"latest tiered":       {listRequest("orders", 0, -5, -1), 9, -1, -1, -1, base.OK},
		"earliest pending":    {listRequest("orders", 0, -6, -1), 11, -1, -1, -1, base.OK},
		"no such special":     {listRequest("orders", 0, -7, -1), 12, -1, -1, -1, base.OK},
		"by time":             {listRequest("orders", 0, 1001, -1), 1, 1, 1001, 1, base.OK},
		"after the last":      {listRequest("orders", 0, 5000, -1), 1, -1, -1, -1, base.OK},
		"unknown topic":       {listRequest("none", 0, -1, -1), 1, -1, -1, -1, base.UnknownTopicOrPartition},
		"unknown partition":   {listRequest("orders", 3, -2, -1), 1, -1, -1, -1, base.UnknownTopicOrPartition},
		"negative partition":  {listRequest("orders", -3, -2, -1), 1, -1, -1, -1, base.UnknownTopicOrPartition},
		"the right epoch":     {listRequest("orders", 0, -1, 1), 1, 3, -1, 1, base.OK},
		"an old epoch":        {listRequest("orders", 0, -1, 0), 1, -1, -1, -1, base.FencedLeaderEpoch},
		"an epoch of no time": {listRequest("orders", 0, -1, 2), 1, -1, -1, -1, base.UnknownLeaderEpoch},
	} {
		for v := int16(1); v <= 11; v++ {
			if v < 4 && c.r.Topics[0].Partitions[0].CurrentLeaderEpoch >= 0 {
				continue // these versions have none
			}
			a := ask[*kmsg.ListOffsetsResponse](b.client, v, c.r).Topics[0].Partitions[0]
			want := c.want
			if v < c.since {
				want = base.UnsupportedVersion
			}
			if a.ErrorCode != int16(want) || want == base.OK && (a.Offset != c.offset || a.Timestamp != c.at || v >= 4 && a.LeaderEpoch != c.epoch) || want != base.OK && a.Offset != -1 {
				t.Errorf("%s v%d: %+v", name, v, a)
			}
		}
	}
	r := listRequest("orders", 0, -1, -1)
	r.Topics = append(r.Topics, r.Topics[0])
	for _, topic := range ask[*kmsg.ListOffsetsResponse](b.client, 7, r).Topics {
		if topic.Partitions[0].ErrorCode != int16(base.InvalidRequest) {
			t.Errorf("a partition asked for twice: %+v", topic)
		}
	}
}

func TestOffsetForLeaderEpoch(t *testing.T) {
	b := newBed(t)
	b.topic("orders")
	b.produce("orders", 0, "a", "b")
	for name, c := range map[string]struct {
		topic              string
		partition, current int32
		asked              int32
		epoch              int32
		end                int64
		want               base.Kind
	}{
		"current":           {"orders", 0, -1, 1, 1, 2, base.OK},
		"current, checked":  {"orders", 0, 1, 1, 1, 2, base.OK},
		"to come":           {"orders", 0, -1, 2, -1, -1, base.OK},
		"before the first":  {"orders", 0, -1, 0, -1, -1, base.OK},
		"client is behind":  {"orders", 0, 0, 1, -1, -1, base.FencedLeaderEpoch},
		"client is ahead":   {"orders", 0, 2, 1, -1, -1, base.UnknownLeaderEpoch},
		"unknown topic":     {"none", 0, -1, 1, -1, -1, base.UnknownTopicOrPartition},
		"unknown partition": {"orders", 9, -1, 1, -1, -1, base.UnknownTopicOrPartition},
	} {
		for v := int16(2); v <= 4; v++ {
			r := kmsg.NewPtrOffsetForLeaderEpochRequest()
			r.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: c.topic, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{
				{Partition: c.partition, CurrentLeaderEpoch: c.current, LeaderEpoch: c.asked}}}}
			a := ask[*kmsg.OffsetForLeaderEpochResponse](b.client, v, r).Topics[0].Partitions[0]
			if a.ErrorCode != int16(c.want) || a.LeaderEpoch != c.epoch || a.EndOffset != c.end {
				t.Errorf("%s v%d: %+v", name, v, a)
			}
		}
	}
}

func TestDeleteRecords(t *testing.T) {
	b := newBed(t)
	b.topic("orders")
	b.topic("compacted", "cleanup.policy", "compact")
	b.produce("orders", 0, "a", "b", "c")
	for i, c := range []struct {
		topic     string
		partition int32
		offset    int64
		low       int64
		want      base.Kind
	}{
		{"orders", 0, 1, 1, base.OK},
		{"orders", 0, 0, 1, base.OK}, // below the start: nothing to do
		{"orders", 0, 4, -1, base.OffsetOutOfRange},
		{"orders", 0, -2, -1, base.OffsetOutOfRange},
		{"orders", 0, -1, 3, base.OK},
		{"orders", 7, 0, -1, base.UnknownTopicOrPartition},
		{"orders", -1, 0, -1, base.UnknownTopicOrPartition},
		{"none", 0, 0, -1, base.UnknownTopicOrPartition},
		{"compacted", 0, 0, -1, base.PolicyViolation},
	} {
		r := kmsg.NewPtrDeleteRecordsRequest()
		r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: c.topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: c.partition, Offset: c.offset}}}}
		for v := int16(0); v <= 2; v++ {
			a := ask[*kmsg.DeleteRecordsResponse](b.client, v, r).Topics[0].Partitions[0]
			if a.ErrorCode != int16(c.want) || a.LowWatermark != c.low {
				t.Errorf("%d v%d: %+v", i, v, a)
			}
		}
	}
}

// Each producer gets an id of its own; a transactional id is refused for good.
func TestInitProducerID(t *testing.T) {
	b := newBed(t)
	seen := map[int64]bool{}
	txn, empty := "t1", ""
	for v := int16(0); v <= 5; v++ {
		r := kmsg.NewPtrInitProducerIDRequest()
		a := ask[*kmsg.InitProducerIDResponse](b.client, v, r)
		if a.ErrorCode != 0 || a.ProducerID < 0 || a.ProducerEpoch != 0 || seen[a.ProducerID] {
			t.Errorf("v%d: %+v", v, a)
		}
		seen[a.ProducerID] = true
		r.TransactionalID = &txn
		if a := ask[*kmsg.InitProducerIDResponse](b.client, v, r); a.ErrorCode != int16(base.TransactionalIDAuthorization) || a.ProducerID != -1 {
			t.Errorf("v%d, transactional: %+v", v, a)
		}
		r.TransactionalID = &empty
		if a := ask[*kmsg.InitProducerIDResponse](b.client, v, r); a.ErrorCode != int16(base.InvalidRequest) {
			t.Errorf("v%d, empty: %+v", v, a)
		}
	}
}
