package wire

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func fetchRequest(version int16, topic string, id [16]byte, partition int32, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = version, -1, 100, 1, 1<<20, -1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = topic, id
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = partition, offset, 1<<20, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func TestFetchOfWhatIsNotThere(t *testing.T) {
	topic, id := create(t, 1)
	for name, tc := range map[string]struct {
		req  *kmsg.FetchRequest
		want int16
	}{
		"unknown topic":      {fetchRequest(12, topic+"-unknown", [16]byte{}, 0, 0), 3},
		"illegal topic":      {fetchRequest(12, "a/b", [16]byte{}, 0, 0), 3},
		"unknown topic id":   {fetchRequest(13, "", [16]byte{9, 9}, 0, 0), 100},
		"unknown partition":  {fetchRequest(12, topic, [16]byte{}, 5, 0), 3},
		"partition by id":    {fetchRequest(13, "", id, 5, 0), 3},
		"negative partition": {fetchRequest(12, topic, [16]byte{}, -1, 0), 3},
		"past the end":       {fetchRequest(12, topic, [16]byte{}, 0, 1), 1},
		"negative offset":    {fetchRequest(12, topic, [16]byte{}, 0, -5), 1},
		"the end is fine":    {fetchRequest(12, topic, [16]byte{}, 0, 0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			resp := dial(t).ask(tc.req).(*kmsg.FetchResponse)
			if resp.ErrorCode != 0 || len(resp.Topics) != 1 {
				t.Fatalf("answer %+v, want one topic", resp)
			}
			if got := resp.Topics[0].Partitions[0].ErrorCode; got != tc.want {
				t.Errorf("error %d, want %d", got, tc.want)
			}
		})
	}
}

func TestLeaderEpochsOfFetch(t *testing.T) {
	topic, _ := create(t, 1)
	c := dial(t)
	meta := kmsg.NewPtrMetadataRequest()
	meta.Version = 9
	mt := kmsg.NewMetadataRequestTopic()
	mt.Topic = &topic
	meta.Topics = append(meta.Topics, mt)
	epoch := c.ask(meta).(*kmsg.MetadataResponse).Topics[0].Partitions[0].LeaderEpoch
	for of, want := range map[int32]int16{-1: 0, epoch: 0, epoch + 1: 75, epoch - 1: 74} {
		if of == -1 {
			want = 0 // not known to the client, which is not the same as one of the past
		}
		req := fetchRequest(12, topic, [16]byte{}, 0, 0)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = of
		if got := c.ask(req).(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode; got != want {
			t.Errorf("epoch %d where it is %d: error %d, want %d", of, epoch, got, want)
		}
	}
}

func TestFetchSessions(t *testing.T) {
	topic, _ := create(t, 1)
	c := dial(t)
	if got := c.produce(topic, newBatch(3).bytes()); got.ErrorCode != 0 {
		t.Fatalf("producing: error %d", got.ErrorCode)
	}
	full := fetchRequest(12, topic, [16]byte{}, 0, 0)
	full.SessionEpoch = 0
	opened := c.ask(full).(*kmsg.FetchResponse)
	if opened.ErrorCode != 0 || opened.SessionID == 0 || len(opened.Topics) != 1 {
		t.Fatalf("opening a session: error %d, id %d, %d topics", opened.ErrorCode, opened.SessionID, len(opened.Topics))
	}
	next := func(id, epoch int32, offset int64) *kmsg.FetchResponse {
		req := fetchRequest(12, topic, [16]byte{}, 0, offset)
		req.SessionID, req.SessionEpoch = id, epoch
		if offset < 0 {
			req.Topics = nil
		}
		return c.ask(req).(*kmsg.FetchResponse)
	}
	if got := next(opened.SessionID, 1, 3); got.ErrorCode != 0 || len(got.Topics) != 0 {
		t.Errorf("nothing new: error %d with %d topics, want none", got.ErrorCode, len(got.Topics))
	}
	began := time.Now()
	if got := next(opened.SessionID, 2, -1); got.ErrorCode != 0 || len(got.Topics) != 0 || time.Since(began) < 80*time.Millisecond {
		t.Errorf("an empty increment: error %d with %d topics after %v, want none after the wait of 100 ms", got.ErrorCode, len(got.Topics), time.Since(began))
	}
	c.produce(topic, newBatch(1).bytes())
	if got := next(opened.SessionID, 3, -1); got.ErrorCode != 0 || len(got.Topics) != 1 {
		t.Errorf("something new: error %d with %d topics, want 1", got.ErrorCode, len(got.Topics))
	}
	if got := next(opened.SessionID, 9, -1).ErrorCode; got != 71 {
		t.Errorf("an epoch that is not the next: error %d, want 71", got)
	}
	if got := next(opened.SessionID+1, 1, -1).ErrorCode; got != 70 {
		t.Errorf("an unknown session: error %d, want 70", got)
	}
}

// The first batch comes whole, however little was asked for, and from the offset in its middle too.
func TestFetchReturnsWholeBatches(t *testing.T) {
	topic, _ := create(t, 1)
	c := dial(t)
	raw := newBatch(10).bytes()
	c.produce(topic, raw)
	req := fetchRequest(12, topic, [16]byte{}, 0, 7)
	req.MaxBytes, req.Topics[0].Partitions[0].PartitionMaxBytes = 1, 1
	got := c.ask(req).(*kmsg.FetchResponse).Topics[0].Partitions[0]
	if got.ErrorCode != 0 || len(got.RecordBatches) != len(raw) || got.HighWatermark != 10 || got.LastStableOffset != 10 || got.LogStartOffset != 0 {
		t.Errorf("error %d, %d bytes, high watermark %d, last stable offset %d, start %d; want the batch of %d bytes",
			got.ErrorCode, len(got.RecordBatches), got.HighWatermark, got.LastStableOffset, got.LogStartOffset, len(raw))
	}
}

func TestMetadataOfTopicsThatCannotBe(t *testing.T) {
	topic, _ := create(t, 1)
	for name, tc := range map[string]struct {
		topic string
		want  int16
	}{
		"unknown": {topic + "-unknown", 3}, "slash": {"a/b", 17}, "empty": {"", 17}, "dots": {"..", 17},
	} {
		req := kmsg.NewPtrMetadataRequest()
		req.Version, req.AllowAutoTopicCreation = 9, name != "unknown"
		mt := kmsg.NewMetadataRequestTopic()
		mt.Topic = &tc.topic
		req.Topics = append(req.Topics, mt)
		if got := dial(t).ask(req).(*kmsg.MetadataResponse).Topics[0].ErrorCode; got != tc.want {
			t.Errorf("%s: error %d, want %d", name, got, tc.want)
		}
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	mt := kmsg.NewMetadataRequestTopic()
	mt.TopicID = [16]byte{1, 2, 3}
	req.Topics = append(req.Topics, mt)
	if got := dial(t).ask(req).(*kmsg.MetadataResponse).Topics[0].ErrorCode; got != 100 {
		t.Errorf("unknown id: error %d, want 100", got)
	}
}

func TestListOffsetsThatCannotBe(t *testing.T) {
	topic, _ := create(t, 1)
	for name, tc := range map[string]struct {
		topic     string
		partition int32
		at        int64
		epoch     int32
		want      int16
	}{
		"unknown topic":        {topic + "-unknown", 0, -1, -1, 3},
		"unknown partition":    {topic, 4, -1, -1, 3},
		"negative partition":   {topic, -3, -1, -1, 3},
		"epoch of the future":  {topic, 0, -1, 99, 75},
		"time of the future":   {topic, 0, 1 << 60, -1, 0},
		"an unknown special":   {topic, 0, -77, -1, 35},
		"the log's own start":  {topic, 0, -2, -1, 0},
		"max timestamp, empty": {topic, 0, -3, -1, 0},
	} {
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version, req.ReplicaID = 7, -1
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = tc.topic
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = tc.partition, tc.at, tc.epoch
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		if got := dial(t).ask(req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].ErrorCode; got != tc.want {
			t.Errorf("%s: error %d, want %d", name, got, tc.want)
		}
	}
}
