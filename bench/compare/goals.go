package main

import "slices"

// goal is a ratio of millrace to kafka, file store with fsync before each acknowledgement against Kafka without it.
type goal struct {
	What       string  `json:"what"`
	Partitions int     `json:"partitions"` // 0, in the list below: each number that was run
	Load       string  `json:"load"`
	Figure     string  `json:"figure"`
	Most       float64 `json:"most,omitempty"`
	Least      float64 `json:"least,omitempty"`

	// Filled in by judge; Measured is false if the run had no such turn, Void true if no round gave a ratio, or a full core
	// hid what the readers of tail would have cost.
	Measured bool    `json:"measured"`
	Void     bool    `json:"no_ratio,omitempty"`
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
	{What: "server CPU per GiB consumed, tail", Load: tail, Figure: cpuPerGiB, Most: 1},
	{What: "server CPU per GiB consumed, catch-up", Load: catchUp, Figure: cpuPerGiB, Most: 1},
	{What: "RSS under the same load", Load: memory, Figure: peakMiB, Most: 0.4},
	{What: "start to first acknowledged record", Load: start, Figure: startMs, Most: 0.1},
}

// What the goals are about.
const (
	goalOf, goalBy, goalUnsynced = "millrace", "kafka", "millrace-nofsync"
)

// judge compares the figures with the goals, each for the numbers of partitions that it is about.
func (r *report) judge() (all []goal) {
	for _, g := range goals {
		numbers := r.numbers()
		if g.Partitions > 0 {
			numbers = []int{g.Partitions}
		}
		for _, g.Partitions = range numbers {
			all = append(all, r.judgeOne(g))
		}
	}
	return all
}

// numbers are the numbers of partitions that were run, in that order.
func (r *report) numbers() (all []int) {
	for i := range r.Figures {
		if n := r.Figures[i].Partitions; !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func (r *report) judgeOne(g goal) goal {
	f := r.find(g.Partitions, g.Load, g.Figure)
	if f == nil || len(f.Values[goalOf]) == 0 || len(f.Values[goalBy]) == 0 {
		return g
	}
	g.Measured = true
	values := ratios(f.Values[goalOf], f.Values[goalBy])
	if g.Void = len(values) == 0 || g.Load == tail && r.serverShare(f, goalOf) >= full; g.Void {
		return g
	}
	g.Ratio = spreadOf(values)
	g.Met = (g.Most == 0 || g.Ratio.Median <= g.Most) && g.Ratio.Median >= g.Least
	if unsynced := ratios(f.Values[goalUnsynced], f.Values[goalBy]); len(unsynced) > 0 {
		s := spreadOf(unsynced)
		g.Unsynced = &s
	}
	if f.What == mbPerSec {
		g.Limit = r.limit(f, goalOf)
	}
	if g.Limit != "" {
		g.ByCPU = r.byCPU(&g)
	}
	return g
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
