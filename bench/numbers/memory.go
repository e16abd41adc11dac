package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load"
)

// loadConfig is the load: idempotent producers of records that do not compress, and consumers at the tail.
func (b *bench) loadConfig(bootstrap string) load.Config {
	c := load.Defaults(load.Tail)
	c.Bootstrap, c.Partitions, c.Producers, c.Consumers = []string{bootstrap}, 100, 4, 2
	c.RecordBytes, c.Compressibility, c.BufferBytes = 1024, 1, 100<<20
	c.RecordsPerSec = float64(b.mbPerSec) * 1e6 / float64(c.RecordBytes)
	c.Warmup, c.Duration = load.Span(10*time.Second), load.Span(b.load)
	return c
}

func (b *bench) memory() error {
	bucket, dir, err := b.rig.FileBucket()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, _, err := b.rig.Start(bucket)
	if err != nil {
		return err
	}
	defer a.Kill()
	var before, after host.Usage
	var beforeErr, afterErr error
	profiled := make(<-chan error)
	result, err := load.Run(context.Background(), b.loadConfig(a.Kafka), load.Watch{
		Opened: func() {
			before, beforeErr = a.Usage()
			profiled = b.profile(a)
		},
		Closed: func() { after, afterErr = a.Usage() },
	})
	if err = errors.Join(err, beforeErr, afterErr); err != nil {
		return err
	}
	b.addMemory(result, before, after)
	return errors.Join(<-profiled, result.Verdict())
}

func (b *bench) addMemory(r *load.Result, before, after host.Usage) {
	add := func(what string, v float64, unit string, most float64, note string) {
		b.report.Add(rig.Row{Section: "memory", What: what, Value: v, Unit: unit, Most: most, Note: note})
	}
	b.report.Add(rig.Row{Section: "memory", What: "acknowledged", Value: r.Produced.MBPerSec, Unit: "MB/s", Least: 0.98 * float64(b.mbPerSec),
		Note: fmt.Sprintf("%d MB/s offered by %d producers for %.0f s; clients share the machine", b.mbPerSec, r.Config.Producers, r.Seconds)})
	add("consumed", r.Consumed.MBPerSec, "MB/s", 0, fmt.Sprintf("%d consumers at the tail", r.Config.Consumers))
	add("largest RSS", float64(after.PeakBytes)/(1<<20), "MiB", 400, "since the agent's start")
	cpu := (after.CPU - before.CPU).Seconds()
	add("CPU of the agent", cpu/(float64(r.Produced.Bytes)/(1<<30)), "s/GiB in and out", 0, fmt.Sprintf("%.0f%% of one core", 100*cpu/r.Seconds))
	if r.Ack != nil {
		add("produce p50", r.Ack.P50, "ms", 0, "from when a record was due")
		add("produce p99", r.Ack.P99, "ms", 0, "")
	}
	for _, note := range r.Notes {
		b.report.Remark("Memory: " + note + ".")
	}
}

// profile has the agent profile itself during the load, if asked for.
func (b *bench) profile(a *rig.Agent) <-chan error {
	done := make(chan error, 1)
	if b.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		err := a.Save(fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(b.load.Seconds()/2)), filepath.Join(b.profiles, "cpu.pprof"))
		if err == nil {
			err = a.Save("/debug/pprof/heap", filepath.Join(b.profiles, "heap.pprof"))
		}
		if err == nil {
			err = a.Save("/debug/pprof/allocs", filepath.Join(b.profiles, "allocs.pprof"))
		}
		done <- err
	}()
	return done
}
