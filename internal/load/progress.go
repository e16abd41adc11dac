package load

import "time"

// Watch is told of a run that is under way. Each of its functions may be nil.
type Watch struct {
	// Progress is called every second, by one goroutine after another, until Run returns.
	Progress func(Progress)
	// Filled is called, and waited for, when the backlog is written.
	Filled func()
	// Opened and Closed are called at the two ends of the measured window, and waited for: what the cluster uses meanwhile
	// can be read there.
	Opened, Closed func()
	// Read is called, and waited for, each time that the backlog has been read to its end.
	Read func()
}

// Progress is what the last second brought.
type Progress struct {
	Phase Phase
	// Elapsed is the time since the phase began, Length how long it will last; 0 if that is not known.
	Elapsed, Length time.Duration
	// Produced is what was acknowledged, Consumed what followers read, Backfilled what was read of the backlog.
	Produced, Consumed, Backfilled Pace
	Ack, EndToEnd                  Tick
	Failed                         uint64 // records, so far
}

// Pace is a throughput at one time; MB as those of a Flow.
type Pace struct {
	RecordsPerSec float64 `json:"records_per_second"`
	MBPerSec      float64 `json:"mb_per_second"`
}

// Tick is the latency of one second, in ms; Max is 0 if nothing was measured.
type Tick struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// Phase is what a run is about.
type Phase string

// The phases, in their order.
const (
	Filling   Phase = "writing the backlog"
	Lying     Phase = "leaving the backlog alone"
	WarmingUp Phase = "warming up"
	Measuring Phase = "measuring"
	Draining  Phase = "waiting for what is under way"
)

// showEvery is how often Progress is told.
const showEvery = time.Second

// phase tells where in the run a moment lies.
func (r *run) phase(now time.Duration) Progress {
	switch {
	case r.window == nil:
		return Progress{Phase: Filling, Elapsed: now}
	case now < r.window.from():
		warmup := time.Duration(r.config.Warmup)
		return Progress{Phase: WarmingUp, Elapsed: max(0, now-r.window.from()+warmup), Length: warmup}
	case now < r.window.end():
		p := Progress{Phase: Measuring, Elapsed: now - r.window.from()}
		if r.window.end() < forever {
			p.Length = r.window.end() - r.window.from()
		}
		return p
	}
	return Progress{Phase: Draining, Elapsed: now - r.window.end()}
}

func (f flow) pace(over time.Duration) Pace {
	return Pace{float64(f.records) / over.Seconds(), float64(f.bytes) / over.Seconds() / 1e6}
}

func (g gauge) tick() Tick {
	if g.latency.TotalCount() == 0 {
		return Tick{}
	}
	return Tick{millis(g.latency.ValueAtQuantile(50)), millis(g.latency.ValueAtQuantile(99)), millis(g.latency.Max())}
}

// millis turns µs into ms.
func millis(us int64) float64 { return float64(us) / 1000 }
