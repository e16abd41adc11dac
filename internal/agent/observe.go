package agent

import (
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/console"
)

// Bounds of what an observer remembers.
const (
	// placesMax partitions take some megabytes at most; beyond that all are forgotten and begin anew.
	placesMax = 10_000
	// marksMax batches of one partition: 256 wait for a reader that is a few seconds behind.
	marksMax = 256
	// markAge ends the wait for a reader: who reads a minute later was not there, and says nothing about latency.
	markAge = time.Minute
)

// observer turns what the broker serves into the histograms of the console. Latency from end to end is that of batches
// which this agent took and gives to a reader for the first time.
type observer struct {
	env     env.Env
	metrics *console.Metrics

	mu     sync.Mutex
	places map[place]*undelivered
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

type mark struct {
	offset  int64
	arrived time.Time
}

func newObserver(e env.Env, metrics *console.Metrics) *observer {
	return &observer{env: e, metrics: metrics, places: map[place]*undelivered{}}
}

// Request implements broker.Watcher.
func (o *observer) Request(api string, took time.Duration, kind base.Kind) {
	o.metrics.Request(api, took, kind)
}

// Produced implements broker.Watcher. A reader may have been faster than the producer's own answer.
func (o *observer) Produced(topic base.TopicID, partition int32, offset int64, arrived time.Time) {
	now := o.env.Now()
	o.metrics.Produced(now.Sub(arrived))
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.at(place{topic, partition})
	switch {
	case offset < u.end:
		o.metrics.Delivered(now.Sub(arrived))
	case len(u.marks) < marksMax:
		u.marks = append(u.marks, mark{offset, arrived})
	case now.Sub(u.marks[0].arrived) > markAge:
		u.marks = append(u.marks[:0], mark{offset, arrived})
	}
}

// Fetched implements broker.Watcher.
func (o *observer) Fetched(topic base.TopicID, partition int32, end int64) {
	now := o.env.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.at(place{topic, partition})
	if end <= u.end {
		return
	}
	u.end = end
	n := 0
	for ; n < len(u.marks) && u.marks[n].offset < end; n++ {
		if age := now.Sub(u.marks[n].arrived); age <= markAge {
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
