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

// The load of the curve of segment sizes: batches of these sizes, at these rates: an agent makes segments of 1, 2, 4 and 8 MiB of them.
var (
	segmentBatches = []int{16 << 10, 256 << 10}
	segmentPaces   = []int{4, 15, 32, 72} // MB/s
)

const (
	// segmentProducers are enough for the largest of these paces: each awaits its request, of one batch a partition.
	segmentProducers = 16
	// keepsUp is the share of what is produced that consumers have to read for their GETs to count: who falls behind reads anew what
	// has left the cache.
	keepsUp = 0.9
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
	agents := b.along(fanoutCurve, b.points(1, 2, 4), func(n int) ([]report.Figure, error) {
		f, err := b.fanoutOnFolder(n, fanoutLoad(fanoutPace))
		return f.figures(), err
	})
	var sizes []error
	for _, bytes := range segmentBatches {
		sizes = append(sizes, b.along(segmentCurve(bytes), b.points(segmentPaces...), func(pace int) ([]report.Figure, error) {
			c := fanoutLoad(float64(pace) * 1e6)
			c.BatchBytes, c.Producers = bytes, segmentProducers
			f, err := b.fanoutOnFolder(1, c)
			return f.ofSegments(), err
		}))
	}
	return errors.Join(append(sizes, agents)...)
}

// segmentCurve is that of batches of so many bytes.
func segmentCurve(bytes int) report.Curve {
	kib := bytes >> 10
	return report.Curve{Name: fmt.Sprintf("segments-%d", kib), X: "MB/s offered",
		Title: fmt.Sprintf("Another zone's reads by the size of segments: batches of %d KiB at most, one agent a zone, %d consumers, %d partitions", kib, fanoutConsumers, fanoutPartitions),
		Columns: []report.Column{
			{Name: "produced", Unit: "MB/s"},
			{Name: "consumed", Unit: "MB/s"},
			{Name: "segments", Unit: "1/s"},
			{Name: "a segment", Unit: "MB"},
			{Name: "GETs a segment", Unit: "count"},
			{Name: "read from the bucket, a byte produced", Unit: "bytes"},
		}, Notes: []string{fmt.Sprintf("There is no figure for GETs where consumers read less than %.0f %% of what was produced: the machine was busy.", 100*keepsUp)}}
}

// fanoutOnFolder measures n agents a zone on a folder at some distance: if it answered at once every batch would be a segment and an entry.
func (b *bench) fanoutOnFolder(n int, c load.Config) (fanned, error) {
	url, dir, err := b.rig.FileBucket()
	if err != nil {
		return fanned{}, err
	}
	defer os.RemoveAll(dir)
	return b.acrossZones(url+"?fsync=off&latency="+javaProfile, n, c)
}

// fanoutLoad is what is produced in the one zone: so many bytes a second.
func fanoutLoad(pace float64) load.Config {
	c := load.Defaults(load.Produce)
	c.Topic, c.ClientID, c.Producers, c.Codec, c.Compressibility = fanoutTopic, "bench,millrace_az=a", 4, "none", 1
	c.RecordsPerSec = pace / float64(c.RecordBytes)
	return c
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

// acrossZones measures n agents in each of two zones, of which one writes and the other reads.
func (b *bench) acrossZones(url string, n int, c load.Config) (fanned, error) {
	writers, err := b.zone(url, "a", n)
	if err != nil {
		return fanned{}, err
	}
	readers, err := b.zone(url, "b", n)
	if err != nil {
		return fanned{}, err
	}
	first, err := dial(writers[0].Kafka)
	if err != nil {
		return fanned{}, err
	}
	defer first.close()
	if _, err := first.createTopic(fanoutTopic, fanoutPartitions); err != nil {
		return fanned{}, err
	}
	consumed, stop, err := consume(readers[0].Kafka)
	if err != nil {
		return fanned{}, err
	}
	defer stop()
	c.Bootstrap, c.Warmup, c.Duration = []string{writers[0].Kafka}, load.Span(min(b.each, 5*time.Second)), load.Span(b.each)
	var before, after fanoutUse
	var beforeErr, afterErr error
	result, err := load.Run(context.Background(), c, load.Watch{
		Opened: func() { before, beforeErr = fanoutUsed(writers, readers, consumed) },
		Closed: func() { after, afterErr = fanoutUsed(writers, readers, consumed) },
	})
	if err = errors.Join(err, beforeErr, afterErr); err != nil {
		return fanned{}, err
	}
	return after.since(before, result), result.Verdict()
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

// fanned is what was measured in the window.
type fanned struct {
	produced, consumed         float64 // MB/s
	segments, entries, gets    float64 // 1/s
	segmentMB, getsPerSegment  float64
	readPerByte                float64
	writersPerGiB, readsPerGiB float64 // CPU of each zone, in s
}

func (u fanoutUse) since(before fanoutUse, r *load.Result) fanned {
	puts, gets, produced := u.puts-before.puts, u.gets-before.gets, float64(r.Produced.Bytes)
	gib := produced / (1 << 30)
	return fanned{
		produced: r.Produced.MBPerSec, consumed: float64(u.consumed-before.consumed) / 1e6 / r.Seconds,
		segments: puts / r.Seconds, entries: (u.entries - before.entries) / r.Seconds, gets: gets / r.Seconds,
		segmentMB: (u.putBytes - before.putBytes) / 1e6 / puts, getsPerSegment: gets / puts,
		readPerByte:   (u.gotBytes - before.gotBytes) / produced,
		writersPerGiB: (u.writersCPU - before.writersCPU).Seconds() / gib, readsPerGiB: (u.readersCPU - before.readersCPU).Seconds() / gib,
	}
}

// figures are those of fanoutCurve.
func (f fanned) figures() []report.Figure {
	return figures(f.produced, f.consumed, f.segments, f.segmentMB, f.entries, f.gets, f.getsPerSegment, f.readPerByte, f.writersPerGiB, f.readsPerGiB)
}

// ofSegments are those of a segmentCurve.
func (f fanned) ofSegments() []report.Figure {
	gets, read := report.Figure(f.getsPerSegment), report.Figure(f.readPerByte)
	if f.consumed < keepsUp*f.produced {
		gets = report.None
	}
	return append(figures(f.produced, f.consumed, f.segments, f.segmentMB), gets, read)
}
