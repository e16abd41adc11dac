package wire

import (
	"bytes"
	"compress/gzip"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceRequest writes raw records to partitions of a topic, the same to each.
func produceRequest(topic string, acks int16, raw []byte, partitions ...int32) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, acks, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	for _, p := range partitions {
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = p, raw
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	return req
}

// produce writes to partition 0 and returns the partition's answer.
func (c *conn) produce(topic string, raw []byte) kmsg.ProduceResponseTopicPartition {
	c.t.Helper()
	return c.ask(produceRequest(topic, -1, raw, 0)).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
}

// end is the offset after the last record of partition 0.
func (c *conn) end(topic string) int64 {
	c.t.Helper()
	return c.latest(topic, 0).Offset
}

func zipped(raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func changed(count int, change func(*batch)) []byte {
	b := newBatch(count)
	change(b)
	return b.bytes()
}

// Records that break the format are refused with Kafka's code, and nothing of them is stored. Where Kafka stumbles into
// UNKNOWN_SERVER_ERROR (-1), a code that says what is wrong is as good; where it does not look, so is a refusal.
func TestBrokenBatches(t *testing.T) {
	good := newBatch(3).bytes()
	hour := time.Hour.Milliseconds()
	two := append(encodeRecord(0, 0, nil, []byte("v")), encodeRecord(1, 0, nil, []byte("v"))...)
	for name, tc := range map[string]struct {
		raw  []byte
		want []int16
	}{
		"CRC does not match":             {changed(3, func(b *batch) { b.CRC, b.keepCRC = 12345, true }), []int16{2}},
		"a byte of a record changed":     {append(good[:len(good)-2:len(good)-2], 'x', 0), []int16{2}},
		"magic 0":                        {messageV1(0), []int16{87}},
		"magic 1":                        {messageV1(1), []int16{87}},
		"magic 3":                        {changed(3, func(b *batch) { b.Magic = 3 }), []int16{2}},
		"no records":                     {[]byte{}, []int16{87}},
		"two batches":                    {append(good[:len(good):len(good)], good...), []int16{87}},
		"length below the header":        {changed(3, func(b *batch) { b.Length, b.keepLength = 10, true }), []int16{2}},
		"length is negative":             {changed(3, func(b *batch) { b.Length, b.keepLength = -1, true }), []int16{2}},
		"length beyond the records":      {changed(3, func(b *batch) { b.Length, b.keepLength = 5000, true }), []int16{87}},
		"cut short":                      {good[:len(good)-5], []int16{87}},
		"only half a header":             {good[:30], []int16{87}},
		"more records than there are":    {changed(3, func(b *batch) { b.NumRecords, b.LastOffsetDelta = 9, 8 }), []int16{87}},
		"fewer records than there are":   {changed(3, func(b *batch) { b.NumRecords, b.LastOffsetDelta = 2, 1 }), []int16{87}},
		"count and delta disagree":       {changed(3, func(b *batch) { b.LastOffsetDelta = 7 }), []int16{87}},
		"no record in a batch":           {changed(0, func(b *batch) { b.LastOffsetDelta = 0 }), []int16{87}},
		"negative count":                 {changed(3, func(b *batch) { b.NumRecords = -3 }), []int16{87}},
		"offset deltas skip":             {batchOf(2, append(encodeRecord(0, 0, nil, nil), encodeRecord(5, 0, nil, nil)...)).bytes(), []int16{0, 87}},
		"record longer than the batch":   {batchOf(1, []byte{0xff, 0xff, 0x03, 0}).bytes(), []int16{87}},
		"record of negative length":      {batchOf(1, []byte{0x03, 0, 0, 0}).bytes(), []int16{87}},
		"base offset is not 0":           {changed(3, func(b *batch) { b.FirstOffset = 77 }), []int16{87}},
		"unknown codec":                  {changed(3, func(b *batch) { b.Attributes = 6 }), []int16{-1, 2, 76, 87}},
		"says gzip, is not":              {changed(3, func(b *batch) { b.Attributes = 1 }), []int16{-1, 2, 87}},
		"says zstd, is not":              {changed(3, func(b *batch) { b.Attributes = 4 }), []int16{-1, 2, 87}},
		"gzip with too few records":      {changed(3, func(b *batch) { b.Attributes, b.Records = 1, zipped(two) }), []int16{87}},
		"a control batch":                {changed(1, func(b *batch) { b.Attributes = 1 << 5 }), []int16{87}},
		"sequence without a producer":    {changed(1, func(b *batch) { b.FirstSequence = 5 }), []int16{0}},
		"producer without a sequence":    {changed(1, func(b *batch) { b.ProducerID, b.ProducerEpoch = 5, 0 }), []int16{87}},
		"time in the far future":         {changed(1, func(b *batch) { b.FirstTimestamp += 48 * hour; b.MaxTimestamp += 48 * hour }), []int16{32}},
		"greatest time is not the truth": {changed(1, func(b *batch) { b.MaxTimestamp += 5 }), []int16{0}},
	} {
		t.Run(name, func(t *testing.T) {
			topic, _ := create(t, 1)
			c := dial(t)
			first := c.produce(topic, tc.raw)
			if !slices.Contains(tc.want, first.ErrorCode) {
				t.Errorf("error %d, want one of %d (%v)", first.ErrorCode, tc.want, deref(first.ErrorMessage))
			}
			if end := c.end(topic); (end == 0) != (first.ErrorCode != 0) {
				t.Errorf("the log ends at %d after error %d", end, first.ErrorCode)
			}
			if got := c.produce(topic, good); got.ErrorCode != 0 {
				t.Errorf("a good batch after it: error %d", got.ErrorCode)
			}
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestProduceToWhatIsNotThere(t *testing.T) {
	topic, _ := create(t, 1)
	for name, tc := range map[string]struct {
		topic     string
		partition int32
		want      int16
	}{
		"unknown topic":      {topic + "-unknown", 0, 3},
		"unknown partition":  {topic, 1, 3},
		"negative partition": {topic, -1, 3},
		"illegal name":       {"a/b", 0, 3},
		"empty name":         {"", 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			resp := dial(t).ask(produceRequest(tc.topic, -1, newBatch(1).bytes(), tc.partition)).(*kmsg.ProduceResponse)
			if got := resp.Topics[0].Partitions[0].ErrorCode; got != tc.want {
				t.Errorf("error %d, want %d", got, tc.want)
			}
		})
	}
}

func TestProduceByUnknownTopicID(t *testing.T) {
	req := produceRequest("", -1, newBatch(1).bytes(), 0)
	req.Version, req.Topics[0].TopicID = 13, [16]byte{9, 9, 9}
	if got := dial(t).ask(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; got != 100 {
		t.Errorf("error %d, want 100", got)
	}
}

// One refused partition takes no other with it.
func TestOneRefusedPartitionFailsAlone(t *testing.T) {
	topic, _ := create(t, 2)
	resp := dial(t).ask(produceRequest(topic, -1, newBatch(1).bytes(), 0, 7, 1)).(*kmsg.ProduceResponse)
	for _, p := range resp.Topics[0].Partitions {
		want := int16(0)
		if p.Partition == 7 {
			want = 3
		}
		if p.ErrorCode != want {
			t.Errorf("partition %d: error %d, want %d", p.Partition, p.ErrorCode, want)
		}
	}
}

func TestUnknownAcks(t *testing.T) {
	topic, _ := create(t, 1)
	for _, acks := range []int16{2, -2, 100} {
		resp := dial(t).ask(produceRequest(topic, acks, newBatch(1).bytes(), 0)).(*kmsg.ProduceResponse)
		if got := resp.Topics[0].Partitions[0].ErrorCode; got != 21 {
			t.Errorf("acks=%d: error %d, want 21", acks, got)
		}
	}
}

// With acks=0 there is no answer that could bear an error: the connection ends instead.
func TestNoAcks(t *testing.T) {
	topic, _ := create(t, 1)
	c := dial(t)
	c.send(c.encode(produceRequest(topic, 0, newBatch(2).bytes(), 0)))
	for end := time.Now().Add(waitMax); c.end(topic) != 2 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // a good one brings no bytes: the next answer is that of the next request
	}
	c.send(c.encode(produceRequest(topic+"-unknown", 0, newBatch(1).bytes(), 0)))
	c.wantClosed()
}

func TestRecordsAboveMaxMessageBytes(t *testing.T) {
	topic, _ := create(t, 1, "max.message.bytes", "500")
	c := dial(t)
	if got := c.produce(topic, batchOf(1, encodeRecord(0, 0, nil, make([]byte, 600))).bytes()); got.ErrorCode != 10 {
		t.Errorf("error %d, want 10", got.ErrorCode)
	}
	if got := c.produce(topic, batchOf(1, encodeRecord(0, 0, nil, make([]byte, 100))).bytes()); got.ErrorCode != 0 {
		t.Errorf("a small one after it: error %d", got.ErrorCode)
	}
}

func TestCompactedTopicNamesTheRecordsWithoutAKey(t *testing.T) {
	topic, _ := create(t, 1, "cleanup.policy", "compact")
	records := append(encodeRecord(0, 0, []byte("k"), []byte("v")), encodeRecord(1, 0, nil, []byte("v"))...)
	got := dial(t).produce(topic, batchOf(2, records).bytes())
	if got.ErrorCode != 87 || len(got.ErrorRecords) != 1 || got.ErrorRecords[0].RelativeOffset != 1 {
		t.Errorf("answer %+v, want error 87 that names record 1", got)
	}
}

// producerID is a fresh one.
func (c *conn) producerID() int64 {
	c.t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionTimeoutMillis = 4, 1000
	resp := c.ask(req).(*kmsg.InitProducerIDResponse)
	for end := time.Now().Add(waitMax); resp.ErrorCode == 14 && time.Now().Before(end); {
		resp = c.ask(req).(*kmsg.InitProducerIDResponse) // Kafka fetches a new block of ids now and then
	}
	if resp.ErrorCode != 0 || resp.ProducerEpoch != 0 {
		c.t.Fatalf("InitProducerId: %+v", resp)
	}
	return resp.ProducerID
}

// What an idempotent producer's sequences mean, step by step.
func TestSequences(t *testing.T) {
	type step struct {
		epoch  int16
		first  int32
		count  int
		want   int16
		offset int64 // of the answer without an error
	}
	for name, steps := range map[string][]step{
		"in order":                           {{0, 0, 3, 0, 0}, {0, 3, 2, 0, 3}},
		"a duplicate has its first offset":   {{0, 0, 3, 0, 0}, {0, 3, 2, 0, 3}, {0, 0, 3, 0, 0}, {0, 3, 2, 0, 3}},
		"a gap":                              {{0, 0, 1, 0, 0}, {0, 5, 1, 45, 0}, {0, 1, 1, 0, 1}},
		"an overlap":                         {{0, 0, 3, 0, 0}, {0, 2, 3, 45, 0}},
		"a part of what was":                 {{0, 0, 5, 0, 0}, {0, 1, 2, 45, 0}},
		"an epoch of the past":               {{1, 0, 1, 0, 0}, {0, 1, 1, 47, 0}},
		"a new epoch begins at 0":            {{0, 0, 1, 0, 0}, {1, 0, 1, 0, 1}},
		"a new epoch does not begin at 0":    {{0, 0, 1, 0, 0}, {1, 1, 1, 45, 0}},
		"the first is not 0":                 {{0, 7, 1, 0, 0}, {0, 8, 1, 0, 1}},
		"sequences begin anew after 2^31-1":  {{0, 2147483646, 2, 0, 0}, {0, 0, 1, 0, 2}},
		"within one batch beyond 2^31-1 too": {{0, 2147483647, 3, 0, 0}, {0, 2, 1, 0, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			topic, _ := create(t, 1)
			c := dial(t)
			id := c.producerID()
			for i, s := range steps {
				got := c.produce(topic, newBatch(s.count).sequenced(id, s.epoch, s.first).bytes())
				if got.ErrorCode != s.want || s.want == 0 && got.BaseOffset != s.offset {
					t.Errorf("step %d %+v: error %d at offset %d", i, s, got.ErrorCode, got.BaseOffset)
				}
			}
		})
	}
}

// A duplicate is known by the last few batches; one from before is not written again.
func TestDuplicateFromLongAgo(t *testing.T) {
	topic, _ := create(t, 1)
	c := dial(t)
	id := c.producerID()
	for i := range int32(15) {
		if got := c.produce(topic, newBatch(1).sequenced(id, 0, i).bytes()); got.ErrorCode != 0 {
			t.Fatalf("batch %d: error %d", i, got.ErrorCode)
		}
	}
	if got := c.produce(topic, newBatch(1).sequenced(id, 0, 0).bytes()); got.ErrorCode != 45 {
		t.Errorf("a duplicate of the first of 15: error %d, want 45", got.ErrorCode)
	}
	if end := c.end(topic); end != 15 {
		t.Errorf("the log ends at %d, want 15", end)
	}
}

// Five requests in flight, as clients send them, are stored in order.
func TestFiveInFlight(t *testing.T) {
	topic, _ := create(t, 1)
	c := dial(t)
	id := c.producerID()
	var raw []byte
	first := c.next + 1
	for i := range int32(5) {
		raw = append(raw, c.encode(produceRequest(topic, -1, newBatch(2).sequenced(id, 0, 2*i).bytes(), 0))...)
	}
	c.send(raw)
	for i := range int32(5) {
		got := c.answer(produceRequest(topic, -1, nil), first+i).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if got.ErrorCode != 0 || got.BaseOffset != int64(2*i) {
			t.Errorf("request %d: error %d at offset %d, want offset %d", i, got.ErrorCode, got.BaseOffset, 2*i)
		}
	}
}
