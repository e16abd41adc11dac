package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

const (
	// recordsPace is what is offered where latency and memory count, in bytes a second.
	recordsPace = 30e6
	// recordsBatch is the least that batches may have.
	recordsBatch = 1 << 20
	// readerBytes is the record size with which a reader's CPU is measured, readerPairs how often, with and without it in turns.
	readerBytes, readerPairs = 1 << 10, 2
)

var recordsCurve = report.Curve{Name: "records", X: "bytes a record",
	Title: fmt.Sprintf("Record size: 2 idempotent producers, a consumer at the tail, 10 partitions, no codec; at %.0f MB/s, then produced as fast as possible", recordsPace/1e6),
	Columns: []report.Column{
		{Name: "produced", Unit: "MB/s"},
		{Name: "consumed", Unit: "MB/s"},
		{Name: "Produce p50", Unit: "ms", Flat: 4},
		{Name: "Produce p99", Unit: "ms"},
		{Name: "end to end p50", Unit: "ms", Flat: 4},
		{Name: "end to end p99", Unit: "ms"},
		{Name: "agent's CPU, a GiB in and out", Unit: "s/GiB", Flat: 1.5},
		{Name: "largest RSS", Unit: "MiB"},
		{Name: "as fast as possible", Unit: "MB/s"},
		{Name: "its CPU, a GiB in", Unit: "s/GiB", Flat: 1.5},
		{Name: "its largest RSS", Unit: "MiB"},
		{Name: "paced, without the consumer: agent's CPU, a GiB in", Unit: "s/GiB"},
		{Name: "the same with it", Unit: "s/GiB"},
		{Name: "so the consumer's share, a GiB out", Unit: "s/GiB"},
	}}

func (b *bench) records() error {
	return b.along(recordsCurve, b.points(1<<10, 10<<10, 100<<10, 1<<20, 5<<20, 20_000_000), func(size int) ([]report.Figure, error) {
		paced := recordsConfig(load.Tail, size)
		paced.RecordsPerSec = recordsPace / float64(size)
		r, s, err := b.drive(paced, fmt.Sprintf("records-%d", size))
		if err != nil {
			return nil, err
		}
		out := figures(r.Produced.MBPerSec, r.Consumed.MBPerSec, r.Ack.P50, r.Ack.P99, r.EndToEnd.P50, r.EndToEnd.P99,
			s.perGiB(r.Produced.Bytes), float64(s.after.PeakBytes)/(1<<20))
		b.rig.Cleanup()
		r, s, err = b.drive(recordsConfig(load.Produce, size), fmt.Sprintf("records-%d-fast", size))
		if err != nil {
			return nil, err
		}
		b.rig.Cleanup()
		out = append(out, figures(r.Produced.MBPerSec, s.perGiB(r.Produced.Bytes), float64(s.after.PeakBytes)/(1<<20))...)
		reader, err := b.reader(size)
		return append(out, reader...), err
	})
}

// reader compares the same paced load without and with a consumer at the tail, at one record size.
func (b *bench) reader(size int) ([]report.Figure, error) {
	if size != readerBytes {
		return []report.Figure{report.None, report.None, report.None}, nil
	}
	var perGiB [2]float64
	for i := range 2 * readerPairs {
		kind := []load.Kind{load.Produce, load.Tail}[i%2]
		c := recordsConfig(kind, size)
		c.RecordsPerSec = recordsPace / float64(size)
		r, s, err := b.drive(c, fmt.Sprintf("reader-%s-%d", kind, i/2))
		b.rig.Cleanup()
		if err != nil {
			return nil, err
		}
		perGiB[i%2] += s.perGiB(r.Produced.Bytes) / readerPairs
	}
	return figures(perGiB[0], perGiB[1], perGiB[1]-perGiB[0]), nil
}

// perGiB is the CPU time that moving n bytes took, in seconds a GiB.
func (s span) perGiB(n int64) float64 { return s.cpu.Seconds() / (float64(n) / (1 << 30)) }

func recordsConfig(kind load.Kind, size int) load.Config {
	c := load.Defaults(kind)
	c.Partitions, c.Producers, c.Consumers, c.RecordBytes, c.Codec, c.Compressibility = 10, 2, 1, size, "none", 1
	c.BatchBytes = max(recordsBatch, size+1024)
	c.BufferBytes = 3 * max(c.BufferBytes/3, c.BatchBytes)
	return c
}

// drive runs a load against an agent of its own; the span is the window that is measured.
func (b *bench) drive(c load.Config, name string) (*load.Result, span, error) {
	url, dir, err := b.rig.FileBucket()
	if err != nil {
		return nil, span{}, err
	}
	b.rig.Later(func() { _ = os.RemoveAll(dir) })
	a, _, err := b.rig.Start(url)
	if err != nil {
		return nil, span{}, err
	}
	c.Bootstrap, c.Warmup, c.Duration = []string{a.Kafka}, load.Span(min(b.each, 3*time.Second)), load.Span(b.each)
	return b.runLoad(a, c, name)
}

// runLoad is load.Run, and what the agent used in its window.
func (b *bench) runLoad(a *rig.Agent, c load.Config, name string) (*load.Result, span, error) {
	type outcome struct {
		span span
		err  error
	}
	closed, measured := make(chan struct{}), make(chan outcome, 1)
	result, err := load.Run(context.Background(), c, load.Watch{
		Opened: func() {
			go func() {
				s, err := b.during(a, name, func() error {
					<-closed
					return nil
				})
				measured <- outcome{s, err}
			}()
		},
		Closed: func() { close(closed) },
	})
	if err != nil {
		return nil, span{}, err
	}
	m := <-measured
	if m.err != nil {
		return nil, span{}, m.err
	}
	return result, m.span, result.Verdict()
}
