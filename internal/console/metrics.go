package console

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace-io/millrace/internal/base"
)

// latencyBuckets are in seconds: from a cache hit to a bucket on a bad day.
var latencyBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// Metrics is told of what happens in an agent and keeps it as histograms. Its methods are safe for concurrent use and
// never block. The rooms below know it only as functions that the composition root hands them.
type Metrics struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	produce  prometheus.Histogram
	endToEnd prometheus.Histogram
}

// NewMetrics makes the histograms; New registers them.
func NewMetrics() *Metrics {
	histogram := func(name, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: "millrace_" + name, Help: help, Buckets: latencyBuckets}
	}
	return &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_requests_total", Help: "Kafka requests answered, by API and the first error code in the answer (0 is none)."}, []string{"api", "error"}),
		took: prometheus.NewHistogramVec(
			histogram("request_seconds", "Time from a Kafka request's last byte read to its answer, by API."), []string{"api"}),
		produce: prometheus.NewHistogram(
			histogram("produce_seconds", "Time from a batch's arrival to its acknowledgement.")),
		endToEnd: prometheus.NewHistogram(
			histogram("end_to_end_seconds", "Time from a batch's arrival to its first delivery by this agent; of a request with many batches, 64 are measured.")),
	}
}

// Collectors are the histograms and counters, to be registered once.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.took, m.produce, m.endToEnd}
}

// Request counts an answered Kafka request. api is the key's name: callers keep the set bounded. kind is the worst
// error in the answer.
func (m *Metrics) Request(api string, took time.Duration, kind base.Kind) {
	m.requests.WithLabelValues(api, kindLabel(kind)).Inc()
	m.took.WithLabelValues(api).Observe(took.Seconds())
}

// Produced tells how long an acknowledged batch took.
func (m *Metrics) Produced(took time.Duration) { m.produce.Observe(took.Seconds()) }

// Delivered tells how long a batch took from its arrival to its first delivery.
func (m *Metrics) Delivered(took time.Duration) { m.endToEnd.Observe(took.Seconds()) }
