package main

import "slices"

// goal is a ratio of millrace to kafka, file store with fsync before each acknowledgement against Kafka without it.
type goal struct {
	What       string  `json:"what"`
	Partitions int     `json:"partitions,omitempty"` // 0: any, all turns count
	Load       string  `json:"load"`
	Figure     string  `json:"figure"`
	Most       float64 `json:"most,omitempty"`
	Least      float64 `json:"least,omitempty"`

	// Filled in by judge; Measured is false if the run had no such turn.
	Measured bool    `json:"measured"`
	Ratio    spread  `json:"ratio"`
	Unsynced *spread `json:"ratio_without_fsync,omitempty"` // the same for millrace-nofsync
	Met      bool    `json:"met"`                           // the median is
	Limit    string  `json:"limit,omitempty"`               // what limited millrace's throughput beside its CPU
	ByCPU    *spread `json:"ratio_by_cpu,omitempty"`        // where Limit is set: GiB for each CPU second of the servers, in place of throughput
}

var goals = []goal{
	{What: "server CPU per GiB produced", Partitions: 100, Load: produce, Figure: cpuPerGiB, Most: 0.6},
	{What: "produce throughput", Partitions: 100, Load: produce, Figure: mbPerSec, Least: 1.5},
	{What: "produce throughput", Partitions: 5000, Load: produce, Figure: mbPerSec, Least: 4},
	{What: "server CPU per GiB consumed, tail", Partitions: 100, Load: tail, Figure: cpuPerGiB, Most: 1},
	{What: "server CPU per GiB consumed, catch-up", Partitions: 100, Load: catchUp, Figure: cpuPerGiB, Most: 1},
	{What: "RSS under the same load", Partitions: 100, Load: memory, Figure: peakMiB, Most: 0.4},
	{What: "start to first acknowledged record", Load: start, Figure: startMs, Most: 0.1},
}

// What the goals are about.
const (
	goalOf, goalBy, goalUnsynced = "millrace", "kafka", "millrace-nofsync"
)

// judge compares the figures with the goals.
func (r *report) judge() []goal {
	all := slices.Clone(goals)
	for i := range all {
		g := &all[i]
		values := r.ratiosFor(g, goalOf)
		if g.Measured = len(values) > 0; !g.Measured {
			continue
		}
		g.Ratio = spreadOf(values)
		g.Met = (g.Most == 0 || g.Ratio.Median <= g.Most) && g.Ratio.Median >= g.Least
		if unsynced := r.ratiosFor(g, goalUnsynced); len(unsynced) > 0 {
			s := spreadOf(unsynced)
			g.Unsynced = &s
		}
		if f := r.find(g.Partitions, g.Load, g.Figure); f != nil && f.What == mbPerSec {
			g.Limit = r.limit(f, goalOf)
		}
		if g.Limit != "" {
			g.ByCPU = r.byCPU(g)
		}
	}
	return all
}

// byCPU compares the servers' CPU where a throughput says more of the clients.
func (r *report) byCPU(g *goal) *spread {
	f := r.find(g.Partitions, g.Load, cpuPerGiB)
	if f == nil {
		return nil
	}
	values := ratios(f.Values[goalBy], f.Values[goalOf])
	if len(values) == 0 {
		return nil
	}
	s := spreadOf(values)
	return &s
}

// ratiosFor gives the ratio of every turn that a goal is about.
func (r *report) ratiosFor(g *goal, system string) (all []float64) {
	for _, f := range r.Figures {
		if f.Load == g.Load && f.What == g.Figure && (g.Partitions == 0 || f.Partitions == g.Partitions) {
			all = append(all, ratios(f.Values[system], f.Values[goalBy])...)
		}
	}
	return all
}
