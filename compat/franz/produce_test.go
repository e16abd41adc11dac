package franz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
)

// Every codec passes through untouched, with the client's defaults: idempotence, acks=all.
func TestProduceUnderEveryCodec(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			topic := topic(t, 1)
			produce(t, client(t, kgo.ProducerBatchCompression(codec)), topic, strings.Repeat("x", 500), 300)
			got := consume(t, client(t, kgo.ConsumeTopics(topic)), 300)
			for i, r := range got {
				want := fmt.Sprintf("%s-%d", strings.Repeat("x", 500), i)
				if r.Offset != int64(i) || string(r.Value) != want || string(r.Key) != fmt.Sprint(i) {
					t.Fatalf("record %d: offset %d key %q value %.20q", i, r.Offset, r.Key, r.Value)
				}
			}
			if name != "none" && got[0].Attrs.CompressionType() == 0 {
				t.Errorf("stored without compression, want %s", name)
			}
		})
	}
}

func TestWhatARecordCarriesComesBack(t *testing.T) {
	topic := topic(t, 1, "retention.ms", "-1") // the records are years old
	at := time.UnixMilli(1_700_000_000_123)
	want := []*kgo.Record{
		{Key: nil, Value: []byte("null key")},
		{Key: []byte("null value"), Value: nil},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("headers"), Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "", Value: []byte{0, 255}}}},
	}
	for _, r := range want {
		r.Topic, r.Timestamp = topic, at
	}
	if err := client(t).ProduceSync(timeout(t), want...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for i, r := range consume(t, client(t, kgo.ConsumeTopics(topic)), len(want)) {
		w := want[i]
		if !bytes.Equal(r.Key, w.Key) || (r.Key == nil) != (w.Key == nil) || !bytes.Equal(r.Value, w.Value) || (r.Value == nil) != (w.Value == nil) {
			t.Errorf("record %d: key %v value %v, want %v %v", i, r.Key, r.Value, w.Key, w.Value)
		}
		if !r.Timestamp.Equal(at) || r.Attrs.TimestampType() != 0 {
			t.Errorf("record %d: timestamp %v type %d, want %v type 0", i, r.Timestamp, r.Attrs.TimestampType(), at)
		}
		if fmt.Sprint(r.Headers) != fmt.Sprint(w.Headers) {
			t.Errorf("record %d: headers %v, want %v", i, r.Headers, w.Headers)
		}
	}
}

func TestLogAppendTimeReplacesTheClientsTime(t *testing.T) {
	topic := topic(t, 1, "message.timestamp.type", "LogAppendTime")
	before := time.Now().Add(-time.Minute)
	r := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: time.UnixMilli(1000)}
	if err := client(t).ProduceSync(timeout(t), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := consume(t, client(t, kgo.ConsumeTopics(topic)), 1)[0]
	if got.Timestamp.Before(before) || got.Attrs.TimestampType() != 1 {
		t.Errorf("timestamp %v type %d, want about now and type 1", got.Timestamp, got.Attrs.TimestampType())
	}
}

func TestEveryAcksSetting(t *testing.T) {
	for name, acks := range map[string]kgo.Acks{"all": kgo.AllISRAcks(), "leader": kgo.LeaderAck(), "none": kgo.NoAck()} {
		t.Run(name, func(t *testing.T) {
			topic := topic(t, 1)
			produce(t, client(t, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite()), topic, "v", 10)
			if got := consume(t, client(t, kgo.ConsumeTopics(topic)), 10); len(got) != 10 {
				t.Errorf("%d records, want 10", len(got))
			}
		})
	}
}

func TestTopicIsUsableTheMomentItIsCreated(t *testing.T) {
	cl := client(t)
	for range 5 {
		produce(t, cl, topic(t, 3), "v", 1)
	}
}

func TestUnknownTopicIsCreatedWhenAskedFor(t *testing.T) {
	name := harness.Name(t)
	produce(t, client(t, kgo.AllowAutoTopicCreation()), name, "v", 3)
	if got := consume(t, client(t, kgo.ConsumeTopics(name)), 3); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
}

func TestUnknownTopicIsNotCreatedUnlessAskedFor(t *testing.T) {
	name := harness.Name(t)
	cl := client(t, kgo.UnknownTopicRetries(1), kgo.DisableIdempotentWrite())
	err := cl.ProduceSync(timeout(t), &kgo.Record{Topic: name, Value: []byte("v")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("producing to an unknown topic: %v, want UNKNOWN_TOPIC_OR_PARTITION", err)
	}
}

func TestRecordAboveMaxMessageBytesIsRefusedAlone(t *testing.T) {
	topic := topic(t, 1, "max.message.bytes", "2000")
	cl := client(t, kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := cl.ProduceSync(timeout(t), &kgo.Record{Topic: topic, Value: make([]byte, 3000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("3000 bytes where 2000 are allowed: %v, want MESSAGE_TOO_LARGE", err)
	}
	produce(t, cl, topic, "small", 1)
}

func TestLargeRecord(t *testing.T) {
	size := 12 << 20
	if harness.Long() {
		size = 64 << 20
	}
	topic := topic(t, 1, "max.message.bytes", fmt.Sprint(size+4096))
	value := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(value)
	cl := client(t, kgo.ProducerBatchMaxBytes(int32(size+2048)), kgo.BrokerMaxWriteBytes(int32(size+1<<20)), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := cl.ProduceSync(timeout(t), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	// The first batch comes even though it is larger than the fetch's limits.
	got := consume(t, client(t, kgo.ConsumeTopics(topic), kgo.FetchMaxPartitionBytes(1<<20), kgo.BrokerMaxReadBytes(200<<20)), 1)
	if !bytes.Equal(got[0].Value, value) {
		t.Errorf("the record of %d bytes came back changed", size)
	}
}

// Until transactions are served, a transactional producer must learn at once that there are none.
func TestTransactionalProducerNeverHangs(t *testing.T) {
	cl := client(t, kgo.TransactionalID(harness.Name(t)), kgo.DefaultProduceTopic(topic(t, 1)))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := cl.BeginTransaction()
	if err == nil {
		err = cl.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr()
		if err == nil {
			err = cl.EndTransaction(ctx, kgo.TryCommit)
		}
	}
	if ctx.Err() != nil {
		t.Errorf("a transactional producer waited %v, then %v; want success or a fatal error at once", 20*time.Second, err)
	}
}

// Several producers and sizes of batch at once, over all partitions and agents; every record once and in order.
func TestProducersSideBySide(t *testing.T) {
	const producers, each = 4, 2000
	topic := topic(t, 6)
	done := make(chan error, producers)
	for p := range producers {
		cl := client(t, kgo.ProducerLinger(time.Duration(p)*time.Millisecond), kgo.ProducerBatchMaxBytes(int32(4096<<p)))
		go func() {
			records := make([]*kgo.Record, each)
			for i := range records {
				records[i] = &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "%d/%d", p, i%12), Value: fmt.Append(nil, i)}
			}
			done <- cl.ProduceSync(timeout(t), records...).FirstErr()
		}()
	}
	for range producers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	last := map[string]int{}
	for _, r := range consume(t, client(t, kgo.ConsumeTopics(topic)), producers*each) {
		var i int
		fmt.Sscan(string(r.Value), &i)
		want := i%12 - 12
		if before, seen := last[string(r.Key)]; seen {
			want = before
		}
		if i != want+12 {
			t.Fatalf("key %s: value %d after %d", r.Key, i, want)
		}
		last[string(r.Key)] = i
	}
}
