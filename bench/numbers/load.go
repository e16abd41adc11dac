package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The load: idempotent producers of records that do not compress, and consumers at the tail.
const (
	loadTopic      = "load"
	loadPartitions = 100
	loadProducers  = 4
	loadConsumers  = 2
	recordBytes    = 1024
	randomBytes    = 32 << 20 // records are cut out of these at random
	sampleEvery    = 16       // latencies: one record of so many
	paceEvery      = 5 * time.Millisecond
)

// load is a running load.
type load struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup
	clients []*kgo.Client
	random  []byte
	in, out atomic.Int64

	mu        sync.Mutex
	latencies []float64 // ms
	failed    int64
	failure   error
}

// moved is what happened since measure.
type moved struct {
	in, out   int64 // bytes
	latencies []float64
	failed    int64
	failure   error
}

func startLoad(bootstrap string, mbPerSec int) (*load, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel, random: make([]byte, randomBytes)}
	_, _ = rand.NewChaCha8([32]byte{}).Read(l.random) // never fails
	for i := range loadProducers + loadConsumers {
		options := producing()
		if i >= loadProducers {
			options = consuming(i - loadProducers)
		}
		client, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...)
		if err != nil {
			l.stop()
			return nil, err
		}
		l.clients = append(l.clients, client)
		if i == 0 {
			if err := createTopic(ctx, client, loadTopic, loadPartitions); err != nil {
				l.stop()
				return nil, err
			}
		}
	}
	for i, client := range l.clients {
		if i < loadProducers {
			l.workers.Go(func() { l.produce(ctx, client, mbPerSec*1_000_000/loadProducers) })
		} else {
			l.workers.Go(func() { l.consume(ctx, client) })
		}
	}
	return l, nil
}

func producing() []kgo.Opt {
	return []kgo.Opt{kgo.DefaultProduceTopic(loadTopic), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.MaxBufferedRecords(100_000)}
}

// consuming reads every loadConsumers-th partition from its end.
func consuming(i int) []kgo.Opt {
	from := map[int32]kgo.Offset{}
	for p := int32(i); p < loadPartitions; p += loadConsumers {
		from[p] = kgo.NewOffset().AtEnd()
	}
	return []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{loadTopic: from})}
}

// produce offers so many bytes a second; it waits when the client's buffer is full.
func (l *load) produce(ctx context.Context, client *kgo.Client, bytesPerSec int) {
	began, sent := time.Now(), 0
	pace := time.NewTicker(paceEvery)
	defer pace.Stop()
	for ctx.Err() == nil {
		for due := int(time.Since(began).Seconds() * float64(bytesPerSec)); sent < due && ctx.Err() == nil; sent += recordBytes {
			at := rand.IntN(randomBytes - recordBytes)
			l.send(ctx, client, l.random[at:at+recordBytes])
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
		}
	}
}

func (l *load) send(ctx context.Context, client *kgo.Client, value []byte) {
	began := time.Now()
	client.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			l.fail(ctx, err)
			return
		}
		if l.in.Add(recordBytes)/recordBytes%sampleEvery == 0 {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.latencies = append(l.latencies, float64(time.Since(began).Microseconds())/1000)
		}
	})
}

func (l *load) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the load is ending
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == 0 {
		l.failure = err
	}
	l.failed++
}

func (l *load) consume(ctx context.Context, client *kgo.Client) {
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { l.out.Add(int64(len(r.Value))) })
	}
}

// measure begins anew to count.
func (l *load) measure() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in.Store(0)
	l.out.Store(0)
	l.latencies, l.failed, l.failure = nil, 0, nil
}

func (l *load) moved() moved {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := moved{in: l.in.Load(), out: l.out.Load(), latencies: slices.Clone(l.latencies), failed: l.failed, failure: l.failure}
	slices.Sort(m.latencies)
	return m
}

// quantile gives a latency in ms.
func (m moved) quantile(q float64) float64 {
	if len(m.latencies) == 0 {
		return 0
	}
	return m.latencies[int(q*float64(len(m.latencies)-1))]
}

func (l *load) stop() {
	l.cancel()
	for _, client := range l.clients {
		client.Close()
	}
	l.workers.Wait()
}
