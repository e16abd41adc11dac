package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config says what to run against and how hard.
type Config struct {
	Bootstrap string
	Topic     string
	PerSecond int // records produced
	Bytes     int // of each record's value, at least 8
	Out       io.Writer
	// Bucket counts the objects written so far, and the bytes in the bucket.
	Bucket func() (objects, bytes int64)
}

// every is how often a line is printed.
const every = time.Second

// Run produces and consumes until ctx ends, or until nobody takes its lines any more: the error is then that of Out.
func Run(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &demo{Config: c}
	producer, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap), kgo.DefaultProduceTopic(c.Topic), kgo.AllowAutoTopicCreation(),
		kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return err
	}
	defer producer.Close()
	// The first record makes the topic, so that the consumer finds it.
	if err := producer.ProduceSync(ctx, d.record()).FirstErr(); err != nil {
		return fmt.Errorf("the first record was not taken: %w", err)
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap), kgo.ConsumeTopics(c.Topic), kgo.ConsumerGroup("demo"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(2*time.Second))
	if err != nil {
		return err
	}
	defer consumer.Close()
	var tasks sync.WaitGroup
	for _, task := range []func(context.Context){
		func(ctx context.Context) { d.produce(ctx, producer) },
		func(ctx context.Context) { d.consume(ctx, consumer) },
	} {
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			task(ctx)
		}()
	}
	err = d.report(ctx)
	cancel()
	tasks.Wait()
	return err
}

type demo struct {
	Config
	in, out  atomic.Int64
	failed   atomic.Int64
	produced latencies
	arrived  latencies
}

// record makes a record that bears the moment it was made.
func (d *demo) record() *kgo.Record {
	value := make([]byte, max(d.Bytes, 8))
	binary.BigEndian.PutUint64(value, uint64(time.Now().UnixNano()))
	return &kgo.Record{Value: value}
}

func (d *demo) produce(ctx context.Context, client *kgo.Client) {
	const step = 20 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range max(1, d.PerSecond*int(step)/int(time.Second)) {
			began := time.Now()
			client.Produce(ctx, d.record(), func(_ *kgo.Record, err error) {
				if err != nil {
					if ctx.Err() == nil {
						d.failed.Add(1)
					}
					return
				}
				d.in.Add(1)
				d.produced.add(time.Since(began))
			})
		}
	}
}

func (d *demo) consume(ctx context.Context, client *kgo.Client) {
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			d.out.Add(1)
			if len(r.Value) >= 8 {
				d.arrived.add(now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(r.Value)))))
			}
		})
	}
}

// report prints a line every second.
func (d *demo) report(ctx context.Context) error {
	_, err := fmt.Fprintf(d.Out, "%10s %10s   %-19s   %-19s %10s %12s\n", "in/s", "out/s", "produce p50 / p99", "end-to-end p50 / p99", "objects", "bucket")
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := time.Now(); err == nil; {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			_, err = io.WriteString(d.Out, d.line(now.Sub(last).Seconds()))
			last = now
		}
	}
	return err
}

// line tells of the last seconds.
func (d *demo) line(seconds float64) string {
	objects, bytes := d.Bucket()
	text := fmt.Sprintf("%10.0f %10.0f   %-19s   %-19s  %10d %12s", float64(d.in.Swap(0))/seconds, float64(d.out.Swap(0))/seconds,
		d.produced.take(), d.arrived.take(), objects, human(bytes))
	if n := d.failed.Swap(0); n > 0 {
		text += fmt.Sprintf("   %d failed", n)
	}
	return text + "\n"
}

// latencies are those since the last line.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// take gives the quantiles as text and begins anew.
func (l *latencies) take() string {
	l.mu.Lock()
	all := l.all
	l.all = nil
	l.mu.Unlock()
	if len(all) == 0 {
		return "-"
	}
	slices.Sort(all)
	at := func(q float64) int64 { return all[int(q*float64(len(all)-1))].Milliseconds() }
	return fmt.Sprintf("%d / %d ms", at(0.5), at(0.99))
}

func human(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
