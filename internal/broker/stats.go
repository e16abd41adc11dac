package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// LatencyBuckets are the upper bounds of Stats.Latency, the last of which has none.
var LatencyBuckets = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// Bounds of the counters: keys and codes beyond them are counted with the highest.
const (
	keysCounted   = 96
	codesCounted  = 136 // from -1 on
	latencyCounts = len(LatencyBuckets) + 1
)

type counters struct {
	requests  [keysCounted]atomic.Int64
	latencies [keysCounted]latency
	codes     [codesCounted]atomic.Int64
	plans     sync.Map // by reflect.Type of a response: its codePlan
	accepted  atomic.Int64
	malformed atomic.Int64
	panics    atomic.Int64
}

type latency struct {
	counts  [latencyCounts]atomic.Int64
	totalNs atomic.Int64
}

// Stats is what was counted since the start.
type Stats struct {
	Requests    map[string]int64 // by API name
	Errors      map[int16]int64  // by Kafka error code, in answers; 0 is not counted
	Latency     map[string]Latency
	Accepted    int64 // connections
	Connections int   // open now
	Malformed   int64 // connections closed for what they sent
	Panics      int64
	FrameBytes  int64 // that request frames hold
}

// Latency is the time from a request's last byte to its answer's, in counts by LatencyBuckets.
type Latency struct {
	Counts [latencyCounts]int64
	Total  time.Duration
}

// Stats takes a snapshot. Its counters may be some requests apart from each other.
func (b *Broker) Stats() Stats {
	s := Stats{Requests: map[string]int64{}, Errors: map[int16]int64{}, Latency: map[string]Latency{},
		Accepted: b.stats.accepted.Load(), Malformed: b.stats.malformed.Load(), Panics: b.stats.panics.Load(), FrameBytes: b.frames.reserved()}
	for i := range apis {
		key := apis[i].key
		name := kmsg.NameForKey(key)
		s.Requests[name] = b.stats.requests[key].Load()
		l := Latency{Total: time.Duration(b.stats.latencies[key].totalNs.Load())}
		for j := range l.Counts {
			l.Counts[j] = b.stats.latencies[key].counts[j].Load()
		}
		s.Latency[name] = l
	}
	for i := range b.stats.codes {
		if n := b.stats.codes[i].Load(); n > 0 {
			s.Errors[int16(i-1)] = n
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Connections = len(b.conns)
	return s
}

func (s *counters) request(key int16) { s.requests[min(max(key, 0), keysCounted-1)].Add(1) }

func (s *counters) answered(q *query, took time.Duration) {
	l := &s.latencies[min(max(q.header.Key, 0), keysCounted-1)]
	l.totalNs.Add(int64(took))
	for i, bound := range LatencyBuckets {
		if took <= bound {
			l.counts[i].Add(1)
			return
		}
	}
	l.counts[latencyCounts-1].Add(1)
}

func (s *counters) code(code int16) {
	if code != 0 {
		s.codes[min(max(int(code)+1, 0), codesCounted-1)].Add(1)
	}
}
