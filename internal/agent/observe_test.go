package agent

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/ingest"
)

// delivered counts the batches whose latency from end to end was noted.
func delivered(t *testing.T, m *console.Metrics) uint64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "millrace_end_to_end_seconds" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	t.Fatal("no histogram of latencies from end to end")
	return 0
}

func TestABatchIsDeliveredOnce(t *testing.T) {
	topic := base.TopicID{1}
	batch := func(o *observer, offset int64, arrived time.Time) {
		o.Produced(arrived, []ingest.Batch{{Topic: topic}}, []ingest.Result{{Base: offset}})
	}
	for _, c := range []struct {
		name  string
		story func(o *observer)
		want  uint64
	}{
		{"read after the producer's answer", func(o *observer) {
			batch(o, 0, time.Now())
			batch(o, 10, time.Now())
			o.Fetched(topic, 0, 20)
		}, 2},
		{"read before the producer's answer", func(o *observer) {
			o.Fetched(topic, 0, 20)
			batch(o, 10, time.Now())
		}, 1},
		{"read twice", func(o *observer) {
			batch(o, 0, time.Now())
			o.Fetched(topic, 0, 10)
			o.Fetched(topic, 0, 10)
		}, 1},
		{"read in part", func(o *observer) {
			batch(o, 0, time.Now())
			batch(o, 10, time.Now())
			o.Fetched(topic, 0, 10)
		}, 1},
		{"another partition", func(o *observer) {
			batch(o, 0, time.Now())
			o.Fetched(topic, 1, 10)
		}, 0},
		{"read long after", func(o *observer) {
			batch(o, 0, time.Now().Add(-time.Hour))
			o.Fetched(topic, 0, 10)
		}, 0},
		{"refused", func(o *observer) {
			o.Produced(time.Now(), []ingest.Batch{{Topic: topic}, {Topic: topic}}, []ingest.Result{{Kind: base.RequestTimedOut, Base: -1}, {Base: 0}})
			o.Fetched(topic, 0, 10)
		}, 1},
		{"of many partitions, evenly", func(o *observer) {
			batches, results := make([]ingest.Batch, 10*followedMax), make([]ingest.Result, 10*followedMax)
			for i := range batches {
				batches[i] = ingest.Batch{Topic: topic, Partition: int32(i)}
			}
			for round := range int64(10) { // in which each has its turn
				for i := range results {
					results[i].Base = round
				}
				o.Produced(time.Now(), batches, results)
			}
			for i := range batches {
				o.Fetched(topic, int32(i), 10)
			}
		}, 10 * followedMax},
		{"never read", func(o *observer) {
			for i := range int64(2 * marksMax) {
				batch(o, i, time.Now())
			}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := console.NewMetrics()
			c.story(newObserver(env.Real(), m))
			if got := delivered(t, m); got != c.want {
				t.Errorf("%d latencies noted, want %d", got, c.want)
			}
		})
	}
}

// BenchmarkObserver measures what it takes to note a Produce of a batch to each of 5,000 partitions, and that a reader has them.
func BenchmarkObserver(b *testing.B) {
	const partitions = 5000
	o := newObserver(env.Real(), console.NewMetrics())
	batches, results := make([]ingest.Batch, partitions), make([]ingest.Result, partitions)
	for i := range batches {
		batches[i] = ingest.Batch{Topic: base.TopicID{1}, Partition: int32(i)}
	}
	end := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range results {
			results[i].Base = end
		}
		end += 3
		o.Produced(time.Now(), batches, results)
		for i := range batches {
			o.Fetched(batches[i].Topic, batches[i].Partition, end)
		}
	}
}
