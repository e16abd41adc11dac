package console

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

const (
	sampleEvery = 2 * time.Second
	// historyPoints is five minutes: what fits a sparkline, in a few kilobytes.
	historyPoints = 150
	// latencyPoints is the minute over which latencies are given.
	latencyPoints = 30
)

// Rates are per second, over one interval of sampling.
type Rates struct {
	RecordsIn  float64 `json:"records_in"`
	RecordsOut float64 `json:"records_out"`
	BytesIn    float64 `json:"bytes_in"`
	BytesOut   float64 `json:"bytes_out"`
	Puts       float64 `json:"store_puts"`
	Gets       float64 `json:"store_gets"`
}

// Latency is of the last minute, in seconds; zero where nothing happened.
type Latency struct {
	Median float64 `json:"p50"`
	P99    float64 `json:"p99"`
}

// sample is one reading of the counters.
type sample struct {
	at       time.Time
	stats    Stats
	produce  []*dto.Bucket
	endToEnd []*dto.Bucket
}

// history keeps the last samples, oldest first.
type history struct {
	mu      sync.Mutex
	samples []sample
}

func (h *history) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) > historyPoints {
		h.samples = append(h.samples[:0], h.samples[1:]...)
	}
	h.samples = append(h.samples, s)
}

// rates gives one point per interval between samples, oldest first.
func (h *history) rates() []Rates {
	h.mu.Lock()
	defer h.mu.Unlock()
	points := []Rates{}
	for i := 1; i < len(h.samples); i++ {
		points = append(points, ratesBetween(h.samples[i-1], h.samples[i]))
	}
	return points
}

func ratesBetween(a, b sample) Rates {
	seconds := b.at.Sub(a.at).Seconds()
	if seconds <= 0 {
		return Rates{}
	}
	per := func(before, after uint64) float64 {
		if after < before {
			return 0 // the counters began anew
		}
		return float64(after-before) / seconds
	}
	return Rates{
		RecordsIn: per(a.stats.RecordsIn, b.stats.RecordsIn), RecordsOut: per(a.stats.RecordsOut, b.stats.RecordsOut),
		BytesIn: per(a.stats.BytesIn, b.stats.BytesIn), BytesOut: per(a.stats.BytesOut, b.stats.BytesOut),
		Puts: per(a.stats.puts(), b.stats.puts()), Gets: per(a.stats.gets(), b.stats.gets()),
	}
}

// latencies gives produce and end-to-end latency of the last minute.
func (h *history) latencies() (produce, endToEnd Latency) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) < 2 {
		return
	}
	last := h.samples[len(h.samples)-1]
	first := h.samples[max(0, len(h.samples)-1-latencyPoints)]
	return latencyBetween(first.produce, last.produce), latencyBetween(first.endToEnd, last.endToEnd)
}

func latencyBetween(before, after []*dto.Bucket) Latency {
	return Latency{Median: quantile(0.5, before, after), P99: quantile(0.99, before, after)}
}

// quantile interpolates within a bucket, as Prometheus does. Past the last bound it gives that bound.
func quantile(q float64, before, after []*dto.Bucket) float64 {
	if len(before) != len(after) || len(after) == 0 {
		return 0
	}
	grown := func(i int) float64 { return float64(after[i].GetCumulativeCount() - before[i].GetCumulativeCount()) }
	rank := q * grown(len(after)-1)
	if rank == 0 {
		return 0
	}
	lower, below := 0.0, 0.0
	for i := range after {
		upper := after[i].GetUpperBound()
		if n := grown(i); n >= rank {
			return lower + (upper-lower)*(rank-below)/(n-below)
		}
		lower, below = upper, grown(i)
	}
	return lower
}

func bucketsOf(h prometheus.Histogram) []*dto.Bucket {
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		return nil
	}
	return m.GetHistogram().GetBucket()
}
