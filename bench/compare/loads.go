package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/internal/load"
	page "github.com/millrace-io/millrace/internal/load/report"
)

const (
	// spreadFrom is the number of partitions from which on records are spread over all of them.
	spreadFrom = 1000
	// keysPerPartition make partitions alike in what they get.
	keysPerPartition = 20
	// spreadWindows is how many times as long a load is then measured: producers have so much under way in each of their
	// few large requests that answers come in bursts, seconds apart. Tail has the same part of its rate: at 20 MB/s producers of 5,000 partitions
	// alone take nine tenths of a Kafka broker's core, and what readers would take beyond that has no room.
	spreadWindows = 4
)

// ratesAt are the rates of paced loads in MB/s, each once; the first is tail's as well.
func ratesAt(rates []float64, partitions int) []float64 {
	if partitions < spreadFrom {
		return rates
	}
	first := rates[0] / spreadWindows
	all := []float64{first}
	for _, mb := range rates {
		if mb != first {
			all = append(all, mb)
		}
	}
	return all
}

// measured is how long a load is measured.
func (t *turn) measured() time.Duration {
	if t.partitions >= spreadFrom {
		return spreadWindows * t.window
	}
	return t.window
}

// config is what our loads have in common.
func (t *turn) config(kind load.Kind) load.Config {
	c := load.Defaults(kind)
	c.Bootstrap, c.Topic, c.Partitions = []string{t.server.kafka}, topic, t.partitions
	c.Producers, c.RecordBytes, c.Compressibility = t.producers, recordBytes, halved
	c.Warmup, c.Duration, c.RecordsPerSec = load.Span(t.settle), load.Span(t.measured()), 0
	if t.partitions >= spreadFrom {
		c.Keys = keysPerPartition * t.partitions
	}
	return c
}

// warmUp has the server do, before anything counts, what it will be measured at: first at a rate that a JIT which has compiled nothing yet keeps up
// with. Given all at once a broker of 5,000 partitions was behind by more than the two minutes for which producers wait (on a disk with much read-ahead).
func (t *turn) warmUp() error {
	full := t.config(load.Produce)
	full.Warmup, full.Duration = 0, load.Span(t.warmup*2/3)
	read := t.config(load.Tail)
	read.Warmup, read.Duration, read.RecordsPerSec = 0, load.Span(t.warmup/3), recordsPerSec(t.rates()[0])
	for _, c := range []load.Config{read, full} {
		if c.Duration == 0 {
			continue
		}
		if _, err := load.Run(context.Background(), c, load.Watch{}); err != nil {
			return err
		}
	}
	// A server's first group costs it once what later ones do not: Kafka makes a topic of offsets.
	_, _, err := t.consumerTool(1)
	return err
}

func (t *turn) rates() []float64 { return ratesAt(t.ratesMB, t.partitions) }

// recordsPerSec gives the rate of a paced load in records.
func recordsPerSec(mb float64) float64 { return mb * 1e6 / recordBytes }

// pacedAt names the paced load of a rate in MB/s.
func pacedAt(mb float64) string { return fmt.Sprintf("%g MB/s", mb) }

func (t *turn) produce() error {
	r, u, err := t.run(produce, t.config(load.Produce))
	if err != nil {
		return err
	}
	return t.addFlow(produce, r, r.Produced, u)
}

// pacedAndTail measures producers alone, at each rate, and with readers, at the first: what readers cost is the difference to
// producers alone, just before.
func (t *turn) pacedAndTail() error {
	for i, mb := range t.rates() {
		alone, aloneUsed, err := t.paced(mb)
		if err == nil && i == 0 {
			err = t.tail(mb, alone, aloneUsed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// paced measures producers alone.
func (t *turn) paced(mb float64) (*load.Result, used, error) {
	c := t.config(load.Produce)
	c.RecordsPerSec = recordsPerSec(mb)
	r, u, err := t.run(pacedAt(mb), c)
	if err == nil {
		err = t.addFlow(pacedAt(mb), r, r.Produced, u)
	}
	if err != nil {
		return nil, u, err
	}
	t.addAck(pacedAt(mb), r)
	return r, u, nil
}

// tail measures producers with readers, beside those alone.
func (t *turn) tail(mb float64, alone *load.Result, aloneUsed used) error {
	c := t.config(load.FanOut)
	c.RecordsPerSec, c.Consumers = recordsPerSec(mb), t.readers
	read, readUsed, err := t.run(tail, c)
	if err != nil {
		return err
	}
	if read.Consumed.Bytes == 0 {
		return fmt.Errorf("%s: %w", tail, errNothing)
	}
	// The producers' share, should they not have kept exactly the same pace.
	writing := aloneUsed.perGiB(float64(alone.Produced.Bytes)) * float64(read.Produced.Bytes) / (1 << 30)
	reading := used{cpu: readUsed.cpu - time.Duration(writing*float64(time.Second))}
	t.add(tail, mbPerSec, read.Consumed.MBPerSec)
	t.add(tail, cpuPerGiB, reading.perGiB(float64(read.Consumed.Bytes)))
	t.addBusy(tail, readUsed, read.Client.CoresUsed)
	t.addAck(tail, read)
	t.add(tail, endP50, read.EndToEnd.P50)
	t.add(tail, endP99, read.EndToEnd.P99)
	return nil
}

func (t *turn) catchUp() error {
	c := t.config(load.CatchUp)
	c.BacklogBytes, c.Consumers = int64(t.backlogMiB)<<20, 2
	c.BacklogAge, c.Readings, c.ReadFor = load.Span(t.backlogAge), t.readings, load.Span(t.measured())
	var lying, first spell
	r, u, err := t.runWatched(catchUp, c, load.Watch{
		Filled: func() { lying.begin(t) },
		Opened: func() {
			lying.end()
			first.begin(t)
		},
		Read: sync.OnceFunc(func() { first.end() }),
	})
	if err = errors.Join(err, lying.err, first.err); err != nil {
		return err
	}
	if first.used.over == 0 {
		return fmt.Errorf("%s: %w", catchUp, errNothing)
	}
	t.add(catchUp, agePerGiB, lying.used.perGiB(float64(c.BacklogBytes)))
	t.add(catchUp, firstRead, float64(c.BacklogBytes)/1e6/first.used.over.Seconds())
	t.add(catchUp, firstPerGiB, first.used.perGiB(float64(c.BacklogBytes)))
	return t.addFlow(catchUp, r, r.Backfilled, u)
}

// spell is a time of a load, and what the server uses in it.
type spell struct {
	watch stopwatch
	used  used
	err   error
}

func (s *spell) begin(t *turn) { s.watch, s.err = t.watch() }

func (s *spell) end() {
	if s.err == nil {
		s.used, s.err = s.watch.stop()
	}
}

// errNothing ends a turn: what is divided by nothing is no figure.
var errNothing = errors.New("nothing came through while it was measured: give it a longer --window")

func (t *turn) addFlow(name string, r *load.Result, f *load.Flow, u used) error {
	if f.Bytes == 0 {
		return fmt.Errorf("%s: %w", name, errNothing)
	}
	t.add(name, mbPerSec, f.MBPerSec)
	t.addUsed(name, u, float64(f.Bytes), r.Client.CoresUsed)
	return nil
}

func (t *turn) addAck(name string, r *load.Result) {
	t.add(name, ackP50, r.Ack.P50)
	t.add(name, ackP99, r.Ack.P99)
}

// run runs one of our loads and watches the server in its window.
func (t *turn) run(name string, c load.Config) (*load.Result, used, error) {
	return t.runWatched(name, c, load.Watch{})
}

// runWatched does so for another watcher besides.
func (t *turn) runWatched(name string, c load.Config, also load.Watch) (r *load.Result, u used, err error) {
	var watch stopwatch
	var openErr, closeErr error
	profiled := make(chan error, 1)
	r, err = load.Run(context.Background(), c, load.Watch{
		Filled: also.Filled,
		Opened: func() {
			if also.Opened != nil {
				also.Opened()
			}
			go func() { profiled <- t.profile(name) }()
			watch, openErr = t.watch()
		},
		Closed: func() { u, closeErr = watch.stop() },
		Read:   also.Read,
	})
	if err = errors.Join(err, openErr, closeErr); err != nil {
		return nil, u, fmt.Errorf("%s: %w", name, err)
	}
	if err := errors.Join(<-profiled, r.Verdict(), t.saveReport(name, r)); err != nil {
		return nil, u, fmt.Errorf("%s: %w", name, err)
	}
	return r, u, nil
}

// fileName says which load of which turn a file is about.
func (t *turn) fileName(load, suffix string) string {
	return fmt.Sprintf("%d-%s-%s-%d.%s", t.partitions, strings.NewReplacer(" ", "-", "/", "-").Replace(load), t.system, t.round+1, suffix)
}

// profile has an agent profile itself while the window is open, if asked for.
func (t *turn) profile(load string) error {
	if t.profiles == "" || t.server.http == "" {
		return nil
	}
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", t.server.http, max(1, int(t.measured().Seconds())))
	return host.Save(url, filepath.Join(t.profiles, t.fileName(load, "pprof")))
}

func (t *turn) saveReport(name string, r *load.Result) error {
	if t.reports == "" {
		return nil
	}
	out, err := os.Create(filepath.Join(t.reports, t.fileName(name, "html")))
	if err != nil {
		return err
	}
	return errors.Join(page.Write(out, r), out.Close())
}
