package chaos

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/faultproxy"
)

// climate is a kind of weather.
type climate struct {
	name string
	draw func(r *rand.Rand) faultproxy.Weather
}

const ms = time.Millisecond

// climates are bad, and not so bad that nothing gets done: an acknowledgement takes two PUTs.
var climates = []climate{
	{"slow", func(r *rand.Rand) faultproxy.Weather {
		return faultproxy.Weather{Delay: span{10 * ms, 80 * ms}.draw(r), TailShare: 0.05, Tail: span{200 * ms, 800 * ms}.draw(r)}
	}},
	{"cut", func(r *rand.Rand) faultproxy.Weather {
		return faultproxy.Weather{Delay: 10 * ms, LateBy: span{200 * ms, 5 * second}.draw(r), Shares: shares(r, 0.05,
			faultproxy.CutBefore, faultproxy.CutAfter, faultproxy.CutHalfway, faultproxy.Late)}
	}},
	{"refused", func(r *rand.Rand) faultproxy.Weather {
		return faultproxy.Weather{Delay: 10 * ms, Shares: shares(r, 0.05,
			faultproxy.InternalError, faultproxy.InternalErrorAfter, faultproxy.SlowDown, faultproxy.TooMany, faultproxy.Conflict)}
	}},
	{"narrow", func(r *rand.Rand) faultproxy.Weather {
		return faultproxy.Weather{Delay: 10 * ms, BytesPerSecond: 256<<10 + r.IntN(1<<20)}
	}},
	{"all of it", func(r *rand.Rand) faultproxy.Weather {
		return faultproxy.Weather{Delay: 20 * ms, TailShare: 0.02, Tail: 300 * ms, LateBy: second, BytesPerSecond: 1 << 20,
			Shares: shares(r, 0.02, faultproxy.Faults...)}
	}},
	{"good", func(*rand.Rand) faultproxy.Weather { return faultproxy.Weather{} }},
}

// shares gives each fault a share of the requests, drawn between half of most and most; more for those that happen to few
// requests only.
func shares(r *rand.Rand, most float64, faults ...faultproxy.Fault) map[faultproxy.Fault]float64 {
	drawn := map[faultproxy.Fault]float64{}
	for _, f := range faults {
		drawn[f] = most * (1 + r.Float64()) / 2
		if f == faultproxy.Late || f == faultproxy.Conflict {
			drawn[f] *= 3
		}
	}
	return drawn
}

// refuseAll is the bucket's answer to nearly everything, as under a throttling that does not end.
var refuseAll = faultproxy.Weather{Shares: map[faultproxy.Fault]float64{faultproxy.SlowDown: 0.97}}

// ways are the agents' ways to the bucket. What is done to one by a step covers the weather there.
type ways struct {
	mu      sync.Mutex
	proxies []*faultproxy.Proxy
	weather []faultproxy.Weather
	covered []bool
}

func startWays(tb testing.TB, endpoint string, seed uint64) *ways {
	w := &ways{weather: make([]faultproxy.Weather, agents), covered: make([]bool, agents)}
	for i := range agents {
		w.proxies = append(w.proxies, faultproxy.Start(tb, endpoint, seed+uint64(i)))
	}
	return w
}

func (w *ways) set(way int, weather faultproxy.Weather) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weather[way] = weather
	if !w.covered[way] {
		w.proxies[way].Set(weather)
	}
}

// cover holds one way in that weather until uncover.
func (w *ways) cover(way int, weather faultproxy.Weather) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.covered[way] = true
	w.proxies[way].Set(weather)
}

func (w *ways) uncover(way int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.covered[way] = false
	w.proxies[way].Set(w.weather[way])
}

// run changes the weather as planned, until ended; then it is good, and nothing late is to come.
func (w *ways) run(changes []change, ended <-chan struct{}) {
	began := time.Now()
	defer func() {
		for way, p := range w.proxies {
			w.set(way, faultproxy.Weather{})
			p.Calm()
		}
	}()
	for _, c := range changes {
		select {
		case <-time.After(time.Until(began.Add(c.at))):
			w.set(c.way, c.weather)
		case <-ended:
			return
		}
	}
	<-ended
}

// counts sums what happened on all ways.
func (w *ways) counts() map[string]int {
	sum := map[string]int{}
	for _, p := range w.proxies {
		for what, times := range p.Counts() {
			sum[what] += times
		}
	}
	return sum
}
