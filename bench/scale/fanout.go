package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

// The load of these curves: producers in one zone, consumers in another, each of which reads a share of the partitions.
const (
	fanoutPace       = 30e6 // bytes a second
	fanoutPartitions = 120
	fanoutConsumers  = 4
	fanoutTopic      = "fanout"
)

var fanoutCurve = report.Curve{Name: "fanout", X: "agents a zone",
	Title: fmt.Sprintf("Another zone's reads: producers of %.0f MB/s in one zone, %d consumers in another, which read it once; %d partitions", fanoutPace/1e6, fanoutConsumers, fanoutPartitions),
	Columns: []report.Column{
		{Name: "produced", Unit: "MB/s"},
		{Name: "consumed", Unit: "MB/s"},
		{Name: "segments", Unit: "1/s"},
		{Name: "a segment", Unit: "MB"},
		{Name: "journal entries", Unit: "1/s"},
		{Name: "GETs of the reading zone", Unit: "1/s"},
		{Name: "GETs a segment", Unit: "count", Flat: 1.2},
		{Name: "read from the bucket, a byte produced", Unit: "bytes", Flat: 1.2},
		{Name: "CPU of the writing zone, a GiB", Unit: "s/GiB"},
		{Name: "CPU of the reading zone, a GiB", Unit: "s/GiB"},
	}}

func (b *bench) fanout() error {
	return b.along(fanoutCurve, b.points(1, 2, 4), func(n int) ([]report.Figure, error) {
		url, dir, err := b.rig.FileBucket()
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		// A bucket at some distance: with one that answers at once every batch would be a segment and an entry.
		url += "?fsync=off&latency=" + javaProfile
		writers, err := b.zone(url, "a", n)
		if err != nil {
			return nil, err
		}
		readers, err := b.zone(url, "b", n)
		if err != nil {
			return nil, err
		}
		return b.acrossZones(writers, readers)
	})
}

func (b *bench) zone(url, name string, n int) (agents []*rig.Agent, err error) {
	for range n {
		a, _, err := b.rig.Start(url, "--zone", name)
		if err != nil {
			return nil, err
		}
		agents = append(agents, a)
	}
	return agents, nil
}

func (b *bench) acrossZones(writers, readers []*rig.Agent) ([]report.Figure, error) {
	first, err := dial(writers[0].Kafka)
	if err != nil {
		return nil, err
	}
	defer first.close()
	if _, err := first.createTopic(fanoutTopic, fanoutPartitions); err != nil {
		return nil, err
	}
	consumed, stop, err := consume(readers[0].Kafka)
	if err != nil {
		return nil, err
	}
	defer stop()
	c := load.Defaults(load.Produce)
	c.Bootstrap, c.Topic, c.ClientID = []string{writers[0].Kafka}, fanoutTopic, "bench,millrace_az=a"
	c.Producers, c.Codec, c.Compressibility, c.RecordsPerSec = 4, "none", 1, fanoutPace/float64(c.RecordBytes)
	c.Warmup, c.Duration = load.Span(min(b.each, 5*time.Second)), load.Span(b.each)
	var before, after fanoutUse
	var beforeErr, afterErr error
	result, err := load.Run(context.Background(), c, load.Watch{
		Opened: func() { before, beforeErr = fanoutUsed(writers, readers, consumed) },
		Closed: func() { after, afterErr = fanoutUsed(writers, readers, consumed) },
	})
	if err = errors.Join(err, beforeErr, afterErr); err != nil {
		return nil, err
	}
	return after.figures(before, result), result.Verdict()
}

// consume reads the whole topic in zone b from now on.
func consume(addr string) (bytes *atomic.Int64, stop func(), err error) {
	bytes = new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	var clients []*kgo.Client
	stop = func() {
		cancel()
		for _, c := range clients {
			c.Close()
		}
	}
	for i := range fanoutConsumers {
		share := map[int32]kgo.Offset{}
		for p := i; p < fanoutPartitions; p += fanoutConsumers {
			share[int32(p)] = kgo.NewOffset().AtStart()
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ClientID("bench,millrace_az=b"), kgo.FetchMaxWait(500*time.Millisecond),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{fanoutTopic: share}))
		if err != nil {
			stop()
			return nil, nil, err
		}
		clients = append(clients, client)
		go func() {
			for ctx.Err() == nil {
				client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { bytes.Add(int64(len(r.Value))) })
			}
		}()
	}
	return bytes, stop, nil
}

// fanoutUse is what two zones have done so far.
type fanoutUse struct {
	consumed                int64
	puts, putBytes, entries float64 // of the zone that writes; entries of both
	gets, gotBytes          float64 // of the zone that reads
	writersCPU, readersCPU  time.Duration
}

func fanoutUsed(writers, readers []*rig.Agent, consumed *atomic.Int64) (u fanoutUse, err error) {
	u.consumed = consumed.Load()
	add := func(a *rig.Agent, cpu *time.Duration) map[string]float64 {
		usage, usageErr := a.Usage()
		metrics, metricsErr := a.Metrics()
		*cpu += usage.CPU
		u.entries += metrics[`millrace_journal_entries_total{outcome="written"}`]
		err = errors.Join(err, usageErr, metricsErr)
		return metrics
	}
	for _, a := range writers {
		m := add(a, &u.writersCPU)
		u.puts += m[`millrace_store_requests_total{operation="put"}`]
		u.putBytes += m[`millrace_store_sent_bytes_total{operation="put"}`]
	}
	for _, a := range readers {
		m := add(a, &u.readersCPU)
		u.gets += m[`millrace_store_requests_total{operation="get"}`]
		u.gotBytes += m[`millrace_store_received_bytes_total{operation="get"}`]
	}
	return u, err
}

func (u fanoutUse) figures(before fanoutUse, r *load.Result) []report.Figure {
	puts, produced := u.puts-before.puts, float64(r.Produced.Bytes)
	gib := produced / (1 << 30)
	return figures(r.Produced.MBPerSec, float64(u.consumed-before.consumed)/1e6/r.Seconds, puts/r.Seconds, (u.putBytes-before.putBytes)/1e6/puts,
		(u.entries-before.entries)/r.Seconds, (u.gets-before.gets)/r.Seconds, (u.gets-before.gets)/puts, (u.gotBytes-before.gotBytes)/produced,
		(u.writersCPU-before.writersCPU).Seconds()/gib, (u.readersCPU-before.readersCPU).Seconds()/gib)
}
