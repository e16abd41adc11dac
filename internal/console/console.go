package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Deps is what a Console is made of. Both are needed.
type Deps struct {
	Provider Provider
	Metrics  *Metrics
}

// Console answers HTTP requests. Make it with New, serve it, and have Run run beside it.
type Console struct {
	mux      *http.ServeMux
	provider Provider
	metrics  *Metrics
	history  history
	streams  chan struct{} // one token per open event stream
	stop     sync.Once
	stopped  chan struct{}
}

var _ http.Handler = (*Console)(nil)

// New makes a Console with a metrics registry of its own.
func New(deps Deps) *Console {
	c := &Console{
		mux: http.NewServeMux(), provider: deps.Provider, metrics: deps.Metrics,
		streams: make(chan struct{}, maxStreams), stopped: make(chan struct{}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(newCollector(c.provider.Stats))
	registry.MustRegister(deps.Metrics.Collectors()...)

	c.mux.HandleFunc("GET /healthz", c.healthz)
	c.mux.HandleFunc("GET /readyz", c.readyz)
	c.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	c.mux.HandleFunc("GET /api/v1/status", c.status)
	c.mux.HandleFunc("GET /events", c.events)
	c.mux.HandleFunc("GET /{$}", c.page)
	handleProfiles(c.mux)
	c.sample()
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	c.mux.ServeHTTP(w, r)
}

// Run keeps the history of rates until ctx ends, and then ends the event streams, which would otherwise hold up the
// server's shutdown.
func (c *Console) Run(ctx context.Context) {
	defer c.stop.Do(func() { close(c.stopped) })
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.sample()
		}
	}
}

func (c *Console) sample() {
	c.history.add(sample{
		at: time.Now(), stats: c.provider.Stats(),
		produce: bucketsOf(c.metrics.produce), endToEnd: bucketsOf(c.metrics.endToEnd),
	})
}

func (c *Console) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "alive")
}

func (c *Console) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := c.provider.Ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// Report is what /api/v1/status answers and the page shows.
type Report struct {
	Ready    bool          `json:"ready"`
	Reason   string        `json:"reason,omitempty"` // why not ready
	Time     time.Time     `json:"time"`
	Status                 // its fields stand beside these
	Now      Rates         `json:"rates"`
	Produce  Latency       `json:"produce_seconds"`
	EndToEnd Latency       `json:"end_to_end_seconds"`
	Journal  Journal       `json:"journal"`
	Riding   Riding        `json:"riding"`
	Memory   Memory        `json:"memory"`
	Clients  int64         `json:"connections"`
	Damage   []DamagedFile `json:"damage"`  // data files that reads found damaged or missing
	History  []Rates       `json:"history"` // one point every two seconds, oldest first
}

// Journal is how far this agent is.
type Journal struct {
	Slot         uint64  `json:"slot"`
	SnapshotSlot uint64  `json:"snapshot_slot"`
	ViewLag      float64 `json:"view_lag_seconds"`
}

// Memory is the budget, in bytes.
type Memory struct {
	Used  int64 `json:"used"`
	Limit int64 `json:"limit"`
}

func (c *Console) report(ctx context.Context) Report {
	stats := c.provider.Stats()
	r := Report{
		Ready: true, Time: time.Now().UTC(), Status: c.provider.Status(ctx), History: c.history.rates(),
		Journal: Journal{uint64(stats.JournalSlot), uint64(stats.SnapshotSlot), stats.ViewLag.Seconds()},
		Riding:  stats.Riding,
		Memory:  Memory{stats.MemoryUsed, stats.MemoryLimit}, Clients: stats.Connections, Damage: stats.damage(),
	}
	r.Bucket = withoutSecrets(r.Bucket)
	r.Agents, r.Topics, r.Groups = listed(r.Agents), listed(r.Topics), listed(r.Groups)
	r.Produce, r.EndToEnd = c.history.latencies()
	if n := len(r.History); n > 0 {
		r.Now = r.History[n-1]
	}
	if err := c.provider.Ready(); err != nil {
		r.Ready, r.Reason = false, err.Error()
	}
	return r
}

// listed makes an empty list of none, so that JSON never says null.
func listed[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func (c *Console) status(w http.ResponseWriter, r *http.Request) {
	body, err := json.Marshal(c.report(r.Context()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}
