package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/load/report"
)

// connectionRecord is the size of what a connection produces, in bytes.
const connectionRecord = 1024

var connectionsCurve = report.Curve{Name: "connections", X: "connections",
	Title: "Connections: each produces a record of 1 KiB, awaits it, fetches it, and again; a partition each",
	Columns: []report.Column{
		{Name: "records in and out", Unit: "1/s"},
		{Name: "Produce p50", Unit: "ms", Flat: 3},
		{Name: "Produce p99", Unit: "ms", Flat: 3},
		{Name: "Fetch p50", Unit: "ms"},
		{Name: "Fetch p99", Unit: "ms"},
		{Name: "agent's CPU", Unit: "% of a core"},
		{Name: "CPU, a record in and out", Unit: "µs", Flat: 1},
		{Name: "RSS", Unit: "MiB"},
		{Name: "RSS, an idle connection", Unit: "KiB", Flat: 2},
		{Name: "RSS, a busy connection", Unit: "KiB", Flat: 2},
	}}

// countedFrom is the least number of things that memory is divided by: with fewer, what else moves is more than they take.
const countedFrom = 100

func (b *bench) connections() error {
	return b.along(connectionsCurve, b.points(1, 10, 100, 1000), func(n int) ([]report.Figure, error) {
		url, dir, err := b.rig.FileBucket()
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		a, _, err := b.rig.Start(url)
		if err != nil {
			return nil, err
		}
		return b.connect(a, n)
	})
}

// connect measures n connections.
func (b *bench) connect(a *rig.Agent, n int) ([]report.Figure, error) {
	first, err := dial(a.Kafka)
	if err != nil {
		return nil, err
	}
	defer first.close()
	topic, err := first.createTopic("connections", n)
	if err != nil {
		return nil, err
	}
	empty, err := a.Usage()
	if err != nil {
		return nil, err
	}
	pairs := make([]*pair, n)
	for i := range pairs {
		if pairs[i], err = newPair(a.Kafka, topic, i); err != nil {
			return nil, err
		}
		defer pairs[i].c.close()
	}
	idle, err := a.Usage()
	if err != nil {
		return nil, err
	}
	span, err := b.during(a, fmt.Sprintf("connections-%d", n), func() error {
		until := time.Now().Add(b.each)
		_, err := together(n, func(i int, over *atomic.Bool) (struct{}, error) { return struct{}{}, pairs[i].run(until, over) })
		return err
	})
	if err != nil {
		return nil, err
	}
	var produced, fetched latencies
	for _, p := range pairs {
		produced, fetched = append(produced, p.produced...), append(fetched, p.fetched...)
	}
	records := float64(len(fetched))
	each := func(bytes int64) report.Figure {
		if n < countedFrom {
			return report.None
		}
		return report.Figure(float64(bytes-empty.Bytes) / 1024 / float64(n))
	}
	return append(figures(records/span.took.Seconds(), produced.at(.5), produced.at(.99), fetched.at(.5), fetched.at(.99),
		100*span.cpu.Seconds()/span.took.Seconds(), 1e6*span.cpu.Seconds()/records, float64(span.after.Bytes)/(1<<20)),
		each(idle.Bytes), each(span.after.Bytes)), nil
}

func figures(values ...float64) (all []report.Figure) {
	for _, v := range values {
		all = append(all, report.Figure(v))
	}
	return all
}

// pair is a connection that produces and fetches in turn.
type pair struct {
	c                 *client
	topic             base.TopicID
	partition         int32
	next              int64
	produced, fetched latencies
}

// newPair connects, and is answered once: the agent has what it needs for the connection.
func newPair(addr string, topic base.TopicID, i int) (*pair, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	_, err = ask[*kmsg.ApiVersionsResponse](c, kmsg.NewPtrApiVersionsRequest(), 0)
	return &pair{c: c, topic: topic, partition: int32(i)}, err
}

func (p *pair) run(until time.Time, over *atomic.Bool) error {
	for time.Now().Before(until) && !over.Load() {
		if err := p.produce(); err != nil {
			return err
		}
		if err := p.fetch(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pair) produce() error {
	record := batch.Plain(batch.None).Build(batch.NewRecord{Timestamp: time.Now().UnixMilli(), Value: make([]byte, connectionRecord)})
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 30_000
	r.Topics = []kmsg.ProduceRequestTopic{{TopicID: p.topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: p.partition, Records: record}}}}
	response, took, _, err := p.c.exchange(r, 13)
	if err == nil {
		err = produceError(response.(*kmsg.ProduceResponse))
	}
	p.produced = append(p.produced, took)
	return err
}

func (p *pair) fetch() error {
	r := kmsg.NewPtrFetchRequest()
	r.MaxBytes, r.MaxWaitMillis, r.MinBytes, r.SessionEpoch = 1<<20, 500, 1, -1
	w := kmsg.NewFetchRequestTopicPartition()
	w.Partition, w.FetchOffset, w.PartitionMaxBytes = p.partition, p.next, 1<<20
	r.Topics = []kmsg.FetchRequestTopic{{TopicID: p.topic, Partitions: []kmsg.FetchRequestTopicPartition{w}}}
	response, took, _, err := p.c.exchange(r, 17)
	if err != nil {
		return err
	}
	answer := response.(*kmsg.FetchResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return err
	}
	got := answer.Topics[0].Partitions[0]
	if err := codeError(got.ErrorCode); err != nil {
		return err
	}
	p.next++
	if len(got.RecordBatches) == 0 || got.HighWatermark != p.next {
		return fmt.Errorf("partition %d: %d bytes came, up to offset %d, not %d", p.partition, len(got.RecordBatches), got.HighWatermark, p.next)
	}
	p.fetched = append(p.fetched, took)
	return nil
}
