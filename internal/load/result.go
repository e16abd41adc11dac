package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run measured.
type Result struct {
	Load    Kind      `json:"load"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // of the measured window
	Config  Config    `json:"config"`
	Cluster Cluster   `json:"cluster"`
	Client  Client    `json:"client"`
	// CompressionRatio is how many times smaller the codec makes a batch of these records.
	CompressionRatio float64 `json:"compression_ratio"`

	Filled     *Flow `json:"filled,omitempty"`     // the backlog, as it was written
	Produced   *Flow `json:"produced,omitempty"`   // acknowledged
	Consumed   *Flow `json:"consumed,omitempty"`   // by all followers
	Backfilled *Flow `json:"backfilled,omitempty"` // read of the backlog

	Ack      *Latency `json:"ack,omitempty"`        // until the acknowledgement
	EndToEnd *Latency `json:"end_to_end,omitempty"` // until a consumer has the record
	// Unsent records were due in the window, but the client did not come to them. They count in the latencies, with what they
	// had waited at its end.
	Unsent uint64 `json:"unsent"`

	// Check is nil if the run failed before it could be made.
	Check *Check `json:"check"`
	// Series is the warm-up and the window, FilledSeries the writing of the backlog.
	Series       []Point `json:"series"`
	FilledSeries []Point `json:"filled_series,omitempty"`
	// Interrupted says that somebody ended the run early.
	Interrupted bool     `json:"interrupted"`
	Notes       []string `json:"notes,omitempty"`
}

// Cluster is what was measured.
type Cluster struct {
	ID      string `json:"id"`
	Brokers int    `json:"brokers"`
}

// Client is where the clients of the run ran.
type Client struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
	// CoresUsed is how many cores this process used in the window.
	CoresUsed float64 `json:"cores_used"`
}

// Flow is a throughput. MB are millions of bytes of values, before compression.
type Flow struct {
	Records       int64   `json:"records"`
	Bytes         int64   `json:"bytes"`
	RecordsPerSec float64 `json:"records_per_second"`
	MBPerSec      float64 `json:"mb_per_second"`
}

func flowOf(f flow, over time.Duration) *Flow {
	p := f.pace(over)
	return &Flow{f.records, f.bytes, p.RecordsPerSec, p.MBPerSec}
}

// Latency is a distribution, in ms.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99_9_ms"`
	P9999 float64 `json:"p99_99_ms"`
	Max   float64 `json:"max_ms"`
	// Curve is the whole distribution, evenly spaced by the number of nines.
	Curve []Quantile `json:"curve"`
}

// Quantile says that this share of all, 0 to 1, took so long at most.
type Quantile struct {
	Q  float64 `json:"q"`
	Ms float64 `json:"ms"`
}

// curveStep is the distance of two points of a curve, in nines.
const curveStep = 0.05

func latencyOf(h *hdr.Histogram) *Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	at := func(percent float64) float64 { return millis(h.ValueAtQuantile(percent)) }
	l := &Latency{Count: h.TotalCount(), Mean: h.Mean() / 1000, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), P9999: at(99.99), Max: millis(h.Max())}
	l.Curve = append(l.Curve, Quantile{0, millis(h.Min())})
	for nines := curveStep; nines < math.Log10(float64(l.Count)); nines += curveStep {
		q := 1 - math.Pow(10, -nines)
		l.Curve = append(l.Curve, Quantile{q, at(100 * q)})
	}
	l.Curve = append(l.Curve, Quantile{1, l.Max})
	return l
}

// result puts together what was measured. err ends the run; it is kept beside what was measured until then.
func (r *run) result(ctx context.Context, err error) (*Result, error) {
	over := r.window.end() - r.window.from()
	if over <= 0 {
		return nil, errors.Join(err, ctx.Err())
	}
	res := &Result{
		Load: r.config.Load, Started: r.clock.began.Add(r.window.from()).UTC(), Seconds: over.Seconds(), Config: r.config, Cluster: r.cluster,
		Client:           Client{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), r.cpu.Seconds() / over.Seconds()},
		CompressionRatio: r.ratio, Filled: r.filled, Series: r.series.points, FilledSeries: r.filling.points, Interrupted: r.interrupted,
	}
	if r.shape.produces {
		g := total(producerMeters(r.producers))
		r.addOverdue(res, g.latency, 1)
		res.Produced, res.Ack = flowOf(g.flow, over), latencyOf(g.latency)
	}
	if r.shape.follows {
		g := total(readerMeters(r.copies))
		r.addOverdue(res, g.latency, len(r.copies))
		res.Consumed, res.EndToEnd = flowOf(g.flow, over), latencyOf(g.latency)
	}
	if r.shape.backfills {
		res.Backfilled = flowOf(total(r.backfills).flow, over)
	}
	if err == nil {
		res.Check, err = r.check(ctx)
	}
	res.Notes = r.notes(res)
	return res, errors.Join(err, ctx.Err())
}

// addOverdue adds what was not sent in time to a distribution of what was: it would have taken at least as long as it had
// waited at the end. Of end-to-end latencies each of those who read the same has one.
func (r *run) addOverdue(res *Result, whole *hdr.Histogram, times int) {
	res.Unsent = 0
	for _, p := range r.producers {
		res.Unsent += p.unsent
		for range times {
			if p.waiting != nil {
				whole.Merge(p.waiting)
			}
		}
	}
}

// Shares beyond which a figure needs a word.
const (
	rateUnsent = 0.02 // of the records that were due
	rateMissed = 0.98 // of the rate that was asked for
	clientBusy = 0.75 // of all cores
)

const (
	// oversleeps is how long a busy machine may keep a producer from its turn, which is not yet to fall behind.
	oversleeps = 100 * time.Millisecond
	// behindFrom is how late the last acknowledgement must be for the cluster to lag behind the rate, at least: as long may a
	// latency be.
	behindFrom = time.Second
	// behindTimes is how many times the median it must be. Where the backlog in the clients grows all the time, the last record
	// waits for twice as long as the median one; where latencies are even, it does not.
	behindTimes = 1.5
)

// rateNote says that the rate was not reached, if so: records that were due were not sent, or those that were sent piled up in
// the clients. What was acknowledged in the window tells neither alone: without a warm-up it lags by the latency.
func (r *run) rateNote(res *Result) string {
	rate := r.config.RecordsPerSec
	if !r.shape.produces || rate == 0 {
		return ""
	}
	if due := rate * res.Seconds; float64(res.Unsent) > max(rateUnsent*due, rate*oversleeps.Seconds()) {
		return fmt.Sprintf("the rate was not reached: of %s records that were due in %s s, %s were not sent by the end; latencies include the wait for their turn",
			Number(math.Round(due)), Number(res.Seconds), Number(float64(res.Unsent)))
	}
	behind := lastOf(producerMeters(r.producers)) - r.window.end()
	if res.Produced.RecordsPerSec < rateMissed*rate && res.Ack != nil && behind > behindFrom && millis(micros(behind)) > behindTimes*res.Ack.P50 {
		return fmt.Sprintf("the rate was not reached: %s of %s records/s were acknowledged, and those that were sent piled up: the last acknowledgement came %.1f s after the end",
			Number(math.Round(res.Produced.RecordsPerSec)), Number(rate), behind.Seconds())
	}
	return ""
}

// notes say what has to be known to read the figures.
func (r *run) notes(res *Result) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if text := r.rateNote(res); text != "" {
		note("%s", text)
	}
	if r.shape.produces && r.config.RecordsPerSec == 0 {
		note("as fast as possible: latencies are those of full buffers; give a rate to measure latency")
	}
	if r.config.Acks == "0" {
		note("acks=0: what is called acknowledged was sent, and nobody promised anything")
	}
	if busy := res.Client.CoresUsed; busy > clientBusy*float64(res.Client.CPUs) {
		note("the clients used %.1f of %d cores: they may be what limits the figures", busy, res.Client.CPUs)
	}
	if r.interrupted {
		note("ended early by hand")
	}
	return notes
}
