package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/kafka/wire"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// instant stands in for ingest: everything is durable at once.
type instant struct{}

func (instant) Append(batches []ingest.Batch) *env.Future[[]ingest.Result] {
	f := env.NewFuture[[]ingest.Result](env.Real())
	f.Set(make([]ingest.Result, len(batches)), nil)
	return f
}

// wide makes a topic of many partitions.
func (b *bed) wide(partitions int32) *log.Topic {
	b.t.Helper()
	op := &log.CreateTopic{Name: "wide", ID: [16]byte{1}, Partitions: partitions}
	if v, err := b.control.Propose(op).Wait(soon()); err != nil || v.Kind() != 0 {
		b.t.Fatal(err, v)
	}
	t, _ := b.control.View().Log.TopicByName("wide")
	return t
}

// serve does with a frame what a connection does, but for reading it and writing its answer to the network. It gives the
// answer and its size.
func (b *bed) serve(c *conn, bytes []byte) (a answer, size int) {
	q, request, err := c.open(&frame{bytes: bytes, of: &c.b.frames.first})
	if err != nil {
		b.t.Fatal(err)
	}
	a = c.b.run(q, request)
	if a.later != nil {
		a = a.later()
	} else {
		q.end()
	}
	defer a.done()
	c.answered(q, &a)
	size += a.raw.Len()
	if a.response != nil {
		a.response.SetVersion(q.header.Version)
		size += len(wire.EncodeResponse(nil, q.header.CorrelationID, a.response))
	}
	return a, size
}

// frameOf encodes a request without its length.
func frameOf(r kmsg.Request, version int16) []byte {
	r.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench")).AppendRequest(nil, r, 1)[wire.FrameLengthSize:]
}

// BenchmarkProduce measures a Produce from its frame to its encoded answer, without the network and what makes it durable:
// decoding, looking topics up, validating batches, handing them over.
func BenchmarkProduce(b *testing.B) {
	for _, c := range []struct {
		partitions int32 // in no order, as from a client that keeps them in a map
		records    int   // of 1 KiB, for each partition
		codec      batch.Codec
	}{{1, 1000, batch.None}, {1, 1000, batch.LZ4}, {100, 10, batch.None}, {100, 10, batch.LZ4}, {1000, 1, batch.None}, {5000, 1, batch.None}} {
		b.Run(fmt.Sprintf("%dx%dKiB/%v", c.partitions, c.records, c.codec), func(b *testing.B) {
			bed := newBed(b, func(_ *Config, deps *Deps, _ *control.Config) { deps.Ingest = instant{} })
			topic := bed.wide(c.partitions)
			r := kmsg.NewPtrProduceRequest()
			r.Acks = -1
			t := kmsg.ProduceRequestTopic{TopicID: topic.ID}
			for i := range c.partitions {
				t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: i * 1999 % c.partitions, Records: kibibytes(c.codec, c.records)})
			}
			r.Topics = append(r.Topics, t)
			frame, conn := frameOf(r, 13), newConn(bed.broker, bed.client.Conn)
			if a, _ := bed.serve(conn, frame); len(a.codes) > 0 {
				b.Fatalf("errors %d", a.codes)
			}
			b.SetBytes(int64(c.partitions) * int64(c.records) << 10)
			b.ReportAllocs()
			for b.Loop() {
				bed.serve(conn, frame)
			}
		})
	}
}

// kibibytes is a batch of n records of 1 KiB that compress about 3 to 1.
func kibibytes(codec batch.Codec, n int) []byte {
	records := make([]batch.NewRecord, n)
	for i := range records {
		value := make([]byte, 1024)
		for at := 0; at < len(value); at += 16 {
			copy(value[at:], fmt.Appendf(nil, `{"id":%09x,`, uint64(i*1024+at)*0x9e3779b97f4a7c15>>28))
		}
		records[i] = batch.NewRecord{Timestamp: time.Now().UnixMilli(), Value: value}
	}
	return batch.Plain(codec).Build(records...)
}

// BenchmarkFetchRequest measures a Fetch from its frame to its encoded answer, without the network and the reading of
// records.
func BenchmarkFetchRequest(b *testing.B) {
	for _, partitions := range []int32{1, 1000} {
		b.Run(fmt.Sprint(partitions), func(b *testing.B) {
			bed := newBed(b)
			topic := bed.wide(partitions)
			records := piece.List{piece.Of(make([]byte, 1000))}
			bed.fetch.answer = func(q fetch.Request) fetch.Response {
				found := make([]fetch.Fetched, len(q.Partitions))
				for i, w := range q.Partitions {
					found[i] = fetch.Fetched{Topic: w.Topic, Partition: w.Partition, Records: records, DivergingEpoch: -1}
				}
				return fetch.Response{Partitions: found}
			}
			r := kmsg.NewPtrFetchRequest()
			r.MaxBytes, r.SessionEpoch = 50<<20, -1
			t := kmsg.FetchRequestTopic{TopicID: topic.ID}
			for i := range partitions {
				p := kmsg.NewFetchRequestTopicPartition()
				p.Partition, p.PartitionMaxBytes = i, 1<<20
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
			frame, conn := frameOf(r, 17), newConn(bed.broker, bed.client.Conn)
			if _, size := bed.serve(conn, frame); size < int(partitions)*1000 {
				b.Fatalf("the answer has %d bytes", size)
			}
			b.ReportAllocs()
			for b.Loop() {
				bed.serve(conn, frame)
			}
		})
	}
}

// BenchmarkMetadata measures the Metadata of all topics, from its frame to its encoded answer.
func BenchmarkMetadata(b *testing.B) {
	for _, partitions := range []int32{1000, 100_000} {
		b.Run(fmt.Sprint(partitions), func(b *testing.B) {
			bed := newBed(b)
			bed.wide(partitions)
			r := kmsg.NewPtrMetadataRequest()
			frame, conn := frameOf(r, 12), newConn(bed.broker, bed.client.Conn)
			b.ReportAllocs()
			for b.Loop() {
				if _, size := bed.serve(conn, frame); size < int(partitions)*20 {
					b.Fatalf("the answer has %d bytes", size)
				}
			}
		})
	}
}

// BenchmarkListOffsets measures a ListOffsets for the ends of 1,000 partitions, from its frame to its encoded answer.
func BenchmarkListOffsets(b *testing.B) {
	const partitions = 1000
	bed := newBed(b)
	bed.wide(partitions)
	r := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.ListOffsetsRequestTopic{Topic: "wide"}
	for i := range int32(partitions) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = i, -1
		t.Partitions = append(t.Partitions, p)
	}
	r.ReplicaID, r.Topics = -1, append(r.Topics, t)
	benchRequest(b, bed, frameOf(r, 9), partitions*20)
}

// BenchmarkOffsets measures, from frame to encoded answer, an OffsetCommit of 100 partitions, which waits for its entry in a journal on a
// bucket in memory, and an OffsetFetch of them.
func BenchmarkOffsets(b *testing.B) {
	const partitions = 100
	bed := newBed(b)
	bed.wide(partitions)
	commit := commitRequest("g", "wide", 0, 1)
	var indexes []int32
	for i := range int32(partitions) {
		p := commit.Topics[0].Partitions[0]
		p.Partition = i
		indexes = append(indexes, i)
		if i > 0 {
			commit.Topics[0].Partitions = append(commit.Topics[0].Partitions, p)
		}
	}
	b.Run("commit", func(b *testing.B) { benchRequest(b, bed, frameOf(commit, 9), partitions*6) })
	fetch := kmsg.NewPtrOffsetFetchRequest()
	of := kmsg.NewOffsetFetchRequestGroup()
	of.Group, of.Topics = "g", []kmsg.OffsetFetchRequestGroupTopic{{Topic: "wide", Partitions: indexes}}
	fetch.Groups = append(fetch.Groups, of)
	b.Run("fetch", func(b *testing.B) { benchRequest(b, bed, frameOf(fetch, 9), partitions*10) })
}

// benchRequest serves a frame again and again, each time with an answer of at least so many bytes, without errors.
func benchRequest(b *testing.B, bed *bed, frame []byte, least int) {
	conn := newConn(bed.broker, bed.client.Conn)
	if a, size := bed.serve(conn, frame); size < least || new(counters).count(a.response) != 0 {
		b.Fatalf("%d bytes: %+v", size, a.response)
	}
	b.ReportAllocs()
	for b.Loop() {
		bed.serve(conn, frame)
	}
}
