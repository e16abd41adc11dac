package console

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace-io/millrace/internal/base"
)

func kindLabel(kind base.Kind) string { return strconv.Itoa(int(kind)) }

// reading is one metric read out of Stats.
type reading struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(Stats) float64
	tags []string
}

// collector turns a Stats into metrics whenever it is scraped.
type collector struct {
	stats    func() Stats
	readings []reading

	damagedBlocks                                                              *prometheus.Desc
	storeRequests, storeErrors, storeSent, storeReceived, storeSeconds, slowed *prometheus.Desc
}

func newCollector(stats func() Stats) *collector {
	store := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("millrace_store_"+name, help, append([]string{"operation"}, labels...), nil)
	}
	return &collector{
		stats:    stats,
		readings: append(append(traffic(), gauges()...), journal()...),
		damagedBlocks: prometheus.NewDesc("millrace_damaged_blocks_total",
			"Reads that met a part of a data file which the bucket does not hold as it was written, by file and problem (damaged or missing): records are lost unless it is restored. Run millrace fsck.",
			[]string{"file", "problem"}, nil),
		storeRequests: store("requests_total", "Requests to the bucket that ended, well or not."),
		storeErrors:   store("errors_total", "Requests to the bucket that failed, by kind.", "kind"),
		storeSent:     store("sent_bytes_total", "Bytes of the bodies sent to the bucket."),
		storeReceived: store("received_bytes_total", "Bytes of the bodies received from the bucket."),
		storeSeconds:  store("request_seconds", "Time a request to the bucket took."),
		slowed: prometheus.NewDesc("millrace_store_artificial_latency",
			"1 if the bucket is slowed down on purpose, by the profile named; absent otherwise.", []string{"profile"}, nil),
	}
}

func traffic() []reading {
	var all []reading
	add := func(name, help string, in, out func(Stats) uint64) {
		desc := prometheus.NewDesc("millrace_"+name, help, []string{"direction"}, nil)
		for direction, of := range map[string]func(Stats) uint64{"in": in, "out": out} {
			all = append(all, reading{desc, prometheus.CounterValue,
				func(s Stats) float64 { return float64(of(s)) }, []string{direction}})
		}
	}
	add("records_total", "Records produced (in) and fetched (out) by clients.",
		func(s Stats) uint64 { return s.RecordsIn }, func(s Stats) uint64 { return s.RecordsOut })
	add("bytes_total", "Bytes of batches produced (in) and fetched (out) by clients.",
		func(s Stats) uint64 { return s.BytesIn }, func(s Stats) uint64 { return s.BytesOut })
	add("batches_total", "Batches produced (in) and fetched (out) by clients.",
		func(s Stats) uint64 { return s.BatchesIn }, func(s Stats) uint64 { return s.BatchesOut })
	asTheyLay := prometheus.NewDesc("millrace_fetched_batches_as_they_lay_total",
		"Batches fetched by clients that were sent as they lie in the bucket: the offsets that they would get were foreseen.", nil, nil)
	return append(all, reading{asTheyLay, prometheus.CounterValue, func(s Stats) float64 { return float64(s.BatchesAsTheyLay) }, nil})
}

func gauges() []reading {
	gauge := func(name, help string, of func(Stats) int64) reading {
		return reading{prometheus.NewDesc("millrace_"+name, help, nil, nil), prometheus.GaugeValue,
			func(s Stats) float64 { return float64(of(s)) }, nil}
	}
	return []reading{
		gauge("connections", "Open connections of Kafka clients.", func(s Stats) int64 { return s.Connections }),
		gauge("parked_batches", "Batches that wait for their predecessor.", func(s Stats) int64 { return s.ParkedBatches }),
		gauge("fetch_sessions", "Open fetch sessions (KIP-227).", func(s Stats) int64 { return s.FetchSessions }),
		gauge("waiting_fetches", "Fetches that wait for data.", func(s Stats) int64 { return s.Waiters }),
		gauge("groups", "Groups in the cluster.", func(s Stats) int64 { return s.Groups }),
		gauge("topics", "Topics in the cluster.", func(s Stats) int64 { return s.Topics }),
		gauge("partitions", "Partitions in the cluster.", func(s Stats) int64 { return s.Partitions }),
		gauge("riding_segments", "Segments that ride in journal entries and have not landed in data files yet.", func(s Stats) int64 { return s.Riding.Segments }),
		gauge("riding_bytes", "Bytes of segments that ride in journal entries and have not landed in data files yet.", func(s Stats) int64 { return s.Riding.Bytes }),
		gauge("memory_used_bytes", "Bytes reserved of the memory budget.", func(s Stats) int64 { return s.MemoryUsed }),
		gauge("memory_limit_bytes", "The memory budget.", func(s Stats) int64 { return s.MemoryLimit }),
	}
}

func journal() []reading {
	entries := prometheus.NewDesc("millrace_journal_entries_total",
		"Journal slots this agent won (written), and tried for in vain (lost).", []string{"outcome"}, nil)
	single := func(name, help string, of func(Stats) float64) reading {
		return reading{prometheus.NewDesc("millrace_"+name, help, nil, nil), prometheus.GaugeValue, of, nil}
	}
	hedges := prometheus.NewDesc("millrace_store_hedges_total",
		"Requests to the bucket that were sent a second time, as their answer was late (sent), and those whose second answer came first (won).", []string{"outcome"}, nil)
	segments := prometheus.NewDesc("millrace_segments_total",
		"Segments of this agent that ride in journal entries (rode), those uploaded as data files (uploaded), data files made of what rode (landed), and of small extents of others (merged).", []string{"way"}, nil)
	return []reading{
		{segments, prometheus.CounterValue, func(s Stats) float64 { return float64(s.SegmentsRode) }, []string{"rode"}},
		{segments, prometheus.CounterValue, func(s Stats) float64 { return float64(s.SegmentsUploaded) }, []string{"uploaded"}},
		{segments, prometheus.CounterValue, func(s Stats) float64 { return float64(s.Landings) }, []string{"landed"}},
		{segments, prometheus.CounterValue, func(s Stats) float64 { return float64(s.Merges) }, []string{"merged"}},
		{prometheus.NewDesc("millrace_files_removed_total", "Data files that this agent has deleted, as nothing of them was left in any partition.", nil, nil),
			prometheus.CounterValue, func(s Stats) float64 { return float64(s.FilesRemoved) }, nil},
		{hedges, prometheus.CounterValue, func(s Stats) float64 { return float64(s.Hedges) }, []string{"sent"}},
		{hedges, prometheus.CounterValue, func(s Stats) float64 { return float64(s.HedgesWon) }, []string{"won"}},
		{entries, prometheus.CounterValue, func(s Stats) float64 { return float64(s.EntriesWritten) }, []string{"written"}},
		{entries, prometheus.CounterValue, func(s Stats) float64 { return float64(s.EntriesLost) }, []string{"lost"}},
		{prometheus.NewDesc("millrace_snapshots_passed_over_total", "Damaged snapshots in whose place this agent loaded an older one. Run millrace fsck.", nil, nil),
			prometheus.CounterValue, func(s Stats) float64 { return float64(s.SnapshotsPassedOver) }, nil},
		single("journal_slot", "The last journal entry applied.", func(s Stats) float64 { return float64(s.JournalSlot) }),
		single("snapshot_slot", "The journal entry of the newest snapshot known.", func(s Stats) float64 { return float64(s.SnapshotSlot) }),
		single("journal_kept_slots", "Journal entries that may not be deleted, whatever snapshot there is: from the first that something rides in to the last.", func(s Stats) float64 { return float64(s.Riding.KeptSlots) }),
		single("riding_age_seconds", "How long the first segment that rides in the journal has done so; above 600 it does not land. See docs/FSCK.md.", func(s Stats) float64 { return float64(s.Riding.AgeMs) / 1000 }),
		single("view_lag_seconds", "Age of the published view.", func(s Stats) float64 { return s.ViewLag.Seconds() }),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, r := range c.readings {
		out <- r.desc
	}
	for _, d := range []*prometheus.Desc{c.damagedBlocks, c.storeRequests, c.storeErrors, c.storeSent, c.storeReceived, c.storeSeconds, c.slowed} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	stats := c.stats()
	for _, r := range c.readings {
		out <- prometheus.MustNewConstMetric(r.desc, r.kind, r.of(stats), r.tags...)
	}
	for _, f := range stats.Damage {
		problem := "damaged"
		if f.Missing {
			problem = "missing"
		}
		out <- prometheus.MustNewConstMetric(c.damagedBlocks, prometheus.CounterValue, float64(f.Reads), f.File, problem)
	}
	for _, op := range stats.Store {
		c.collectStore(op, out)
	}
	if stats.StoreLatency != "" {
		out <- prometheus.MustNewConstMetric(c.slowed, prometheus.GaugeValue, 1, stats.StoreLatency)
	}
}

func (c *collector) collectStore(op StoreOperation, out chan<- prometheus.Metric) {
	counter := func(desc *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), append([]string{op.Name}, labels...)...)
	}
	counter(c.storeRequests, op.Requests)
	counter(c.storeSent, op.BytesSent)
	counter(c.storeReceived, op.BytesReceived)
	for kind, n := range op.Errors {
		counter(c.storeErrors, n, kind)
	}
	if len(op.Latency.Counts) != len(op.Latency.Bounds)+1 {
		return
	}
	buckets, total := make(map[float64]uint64, len(op.Latency.Bounds)), uint64(0)
	for i, n := range op.Latency.Counts {
		if total += n; i < len(op.Latency.Bounds) {
			buckets[op.Latency.Bounds[i].Seconds()] = total
		}
	}
	out <- prometheus.MustNewConstHistogram(c.storeSeconds, total, op.Latency.Total.Seconds(), buckets, op.Name)
}
