package agent

import (
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/ingest"
)

// Bounds of what an observer remembers.
const (
	// placesMax partitions take some megabytes; beyond that all are forgotten and begin anew.
	placesMax = 10_000
	// marksMax batches of one partition, 1 KiB, wait for a reader. Where more do, those are not measured.
	marksMax = 64
	// followedMax batches of one request, taken evenly, are waited for: a request may have one for each of thousands of partitions.
	followedMax = 64
	// markAge ends the wait for a reader: who reads a minute later was not there, and says nothing about latency.
	markAge = time.Minute
)

// observer turns what the broker serves into the histograms of the console. Latency from end to end is that of batches
// which this agent took and gives to a reader for the first time.
type observer struct {
	env     env.Env
	metrics *console.Metrics
	began   time.Time

	mu     sync.Mutex
	places map[place]*undelivered
	turn   int // so that it is not always the same partitions that are followed
}

type place struct {
	topic     base.TopicID
	partition int32
}

// undelivered are the batches of a partition that no reader had yet, in order.
type undelivered struct {
	end   int64 // what was given to readers ends here
	marks []mark
}

// mark is a batch. It holds no pointer: the collector has no business with tens of thousands of them.
type mark struct {
	offset  int64
	arrived time.Duration // since the observer began
}

func newObserver(e env.Env, metrics *console.Metrics) *observer {
	return &observer{env: e, metrics: metrics, began: e.Now(), places: map[place]*undelivered{}}
}

// Request implements broker.Watcher.
func (o *observer) Request(api string, took time.Duration, kind base.Kind) {
	o.metrics.Request(api, took, kind)
}

// Produced implements broker.Watcher. A reader may have been faster than the producer's own answer.
func (o *observer) Produced(arrived time.Time, batches []ingest.Batch, results []ingest.Result) {
	now := o.env.Now()
	took := now.Sub(arrived)
	for i := range results {
		if results[i].Kind == base.OK {
			o.metrics.Produced(took)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turn++
	step := (len(results) + followedMax - 1) / followedMax
	for i := o.turn % max(step, 1); i < len(results); i += step {
		if results[i].Kind == base.OK {
			o.follow(place{batches[i].Topic, batches[i].Partition}, mark{results[i].Base, arrived.Sub(o.began)}, now)
		}
	}
}

// follow notes a batch until a reader has it; o.mu is held.
func (o *observer) follow(p place, m mark, now time.Time) {
	u, age := o.at(p), now.Sub(o.began)
	switch {
	case m.offset < u.end:
		o.metrics.Delivered(age - m.arrived)
	case len(u.marks) < marksMax:
		u.marks = append(u.marks, m)
	case age-u.marks[0].arrived > markAge:
		u.marks = append(u.marks[:0], m)
	}
}

// Fetched implements broker.Watcher.
func (o *observer) Fetched(topic base.TopicID, partition int32, end int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.at(place{topic, partition})
	if end <= u.end {
		return
	}
	if u.end = end; len(u.marks) == 0 {
		return
	}
	now, n := o.env.Now(), 0
	for ; n < len(u.marks) && u.marks[n].offset < end; n++ {
		if age := now.Sub(o.began) - u.marks[n].arrived; age <= markAge {
			o.metrics.Delivered(age)
		}
	}
	u.marks = append(u.marks[:0], u.marks[n:]...)
}

// at gives what is remembered of a partition; o.mu is held.
func (o *observer) at(p place) *undelivered {
	u := o.places[p]
	if u == nil {
		if len(o.places) >= placesMax {
			clear(o.places)
		}
		u = &undelivered{}
		o.places[p] = u
	}
	return u
}
