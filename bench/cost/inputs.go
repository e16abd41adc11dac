package main

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// measured says what was measured, where and when.
type measured struct {
	Sources []source           `json:"sources"`
	Values  map[string]float64 `json:"values"`
	Gets    []getCurve         `json:"gets"` // by ascending batches
}

// source is a report that inputs were taken from.
type source struct {
	Where string   `json:"where"` // when, on what machine, at what load
	Gives []string `json:"gives"` // names of measurements
}

// getCurve is how many GETs a segment takes by its size, where producers send batches of that size at most.
type getCurve struct {
	BatchKiB float64    `json:"batch_kib"`
	Points   []getPoint `json:"points"` // by ascending size
}

type getPoint struct {
	SegmentMB float64 `json:"segment_mb"`
	Gets      float64 `json:"gets"`
}

// getsOf is the name of a curve's measurement, of which these batch sizes are needed.
func getsOf(kib float64) string { return fmt.Sprintf("gets_%g", kib) }

var getBatchesKiB = []float64{16, 256}

//go:embed measured.json
var measuredHere []byte

// measurement is one input: where in the report of which command it stands.
type measurement struct {
	name, what, unit string
	command          string // of bench/numbers or bench/scale
	find             func(report) (float64, bool)
}

// Names of measurements.
const (
	cpuIn           = "cpu_in"
	cpuTail         = "cpu_tail"
	cpuS3           = "cpu_s3"
	cpuRead         = "cpu_read"
	cpuBatch        = "cpu_batch"
	sequenceRate    = "sequence_rate"
	followRate      = "follow_rate"
	entryBatchBytes = "entry_batch_bytes"
	extentBytes     = "extent_bytes"
	fileBytes       = "file_bytes"
	snapshotBytes   = "snapshot_extent_bytes"
	readPerByte     = "read_per_byte"
)

var measurements = []measurement{
	{cpuIn, "CPU of the agent for a GiB in at 30 MB/s, records of 1 KiB, no codec", "s/GiB", "bench/scale records", inCurve("records", "paced, without the consumer: agent's CPU, a GiB in", 1024)},
	{cpuTail, "CPU that a reader at the tail adds, for a GiB out: a paced load with it and without", "s/GiB", "bench/scale records", inCurve("records", "so the consumer's share, a GiB out", 1024)},
	{cpuS3, "CPU that an S3 server instead of a folder adds to a GiB in: HTTP and signatures, no TLS", "s/GiB", "bench/scale s3", inCurve("s3", "more than on a folder, a GiB in", 30)},
	{cpuRead, "CPU of an agent that reads a GiB from an S3 server and serves it, no TLS", "s/GiB", "bench/scale s3", inCurve("s3", "S3: CPU of the reading zone, a GiB", 30)},
	{cpuBatch, "CPU of a batch more with the same records", "µs", "bench/scale producers", inCurve("producers", "more than with one partition, a batch", 5000)},
	{sequenceRate, "batches that a sequencer decides, applies and encodes, on one core", "1/s", "bench/numbers apply", inRow("apply", "decide, apply and encode")},
	{followRate, "batches that each agent decodes and applies, on one core", "1/s", "bench/numbers apply", inRow("apply", "decode and apply")},
	{entryBatchBytes, "of a journal entry, for a batch", "B", "bench/numbers apply", inRow("apply", "of an entry, a batch")},
	{extentBytes, "of each agent's memory, for an extent", "B", "bench/numbers state", inRow("state", "one extent where there are many, with its share of all around it")},
	{fileBytes, "of each agent's memory, for a data file", "B", "bench/numbers state", inRow("state", "one file")},
	{snapshotBytes, "of a snapshot, for an extent", "B", "bench/scale state", inCurve("state", "snapshot, an extent", 100_000)},
	{readPerByte, "bytes that another zone reads, for a byte written", "bytes", "bench/scale fanout", inCurve("fanout", "read from the bucket, a byte produced", 4)},
}

// report is what bench/numbers or bench/scale print as JSON, as far as it matters here.
type report struct {
	Rows []struct {
		Section, What string
		Value         float64
	}
	Machine, Date, Go, Commit string
	Where                     string
	Curves                    []struct {
		Name    string
		Columns []struct{ Name string }
		Points  []struct {
			X      float64
			Values []*float64
		}
	}
}

// where says when and on what the report was measured.
func (r *report) where() string {
	if r.Where != "" {
		return r.Where
	}
	return strings.Join([]string{r.Date, r.Machine, r.Go, r.Commit}, ", ")
}

// inRow finds the first row of that name.
func inRow(section, what string) func(report) (float64, bool) {
	return func(r report) (float64, bool) {
		for _, row := range r.Rows {
			if row.Section == section && row.What == what {
				return row.Value, true
			}
		}
		return 0, false
	}
}

func inCurve(name, column string, x float64) func(report) (float64, bool) {
	return func(r report) (float64, bool) {
		for _, c := range r.Curves {
			for i := range c.Columns {
				for _, p := range c.Points {
					if c.Name == name && c.Columns[i].Name == column && p.X == x && p.Values[i] != nil {
						return *p.Values[i], true
					}
				}
			}
		}
		return 0, false
	}
}

// inPoints finds two columns of a curve, point by point.
func (r *report) inPoints(curve, size, gets string) (points []getPoint) {
	for _, c := range r.Curves {
		for _, p := range c.Points {
			s, okSize := inCurve(curve, size, p.X)(*r)
			g, okGets := inCurve(curve, gets, p.X)(*r)
			if c.Name == curve && okSize && okGets {
				points = append(points, getPoint{SegmentMB: s, Gets: g})
			}
		}
	}
	slices.SortFunc(points, func(a, b getPoint) int { return cmp.Compare(a.SegmentMB, b.SegmentMB) })
	return points
}

// collect picks the measurements out of reports; of one that is in several the last counts.
func collect(files []string) (measured, error) {
	m := measured{Values: map[string]float64{}}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return m, err
		}
		var r report
		if err := json.Unmarshal(text, &r); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		m.take(&r)
	}
	return m, m.check()
}

// take adds what is in a report, and where it is from.
func (m *measured) take(r *report) {
	from := source{Where: r.where()}
	for _, x := range measurements {
		if v, ok := x.find(*r); ok {
			m.Values[x.name] = v
			from.Gives = append(from.Gives, x.name)
		}
	}
	for _, kib := range getBatchesKiB {
		points := r.inPoints(fmt.Sprintf("segments-%g", kib), "a segment", "GETs a segment")
		if len(points) == 0 {
			continue
		}
		m.Gets = slices.DeleteFunc(m.Gets, func(c getCurve) bool { return c.BatchKiB == kib })
		m.Gets = append(m.Gets, getCurve{kib, points})
		from.Gives = append(from.Gives, getsOf(kib))
	}
	slices.SortFunc(m.Gets, func(a, b getCurve) int { return cmp.Compare(a.BatchKiB, b.BatchKiB) })
	if len(from.Gives) == 0 {
		return
	}
	for i := range m.Sources {
		m.Sources[i].Gives = slices.DeleteFunc(m.Sources[i].Gives, func(name string) bool { return slices.Contains(from.Gives, name) })
	}
	m.Sources = slices.DeleteFunc(append(m.Sources, from), func(s source) bool { return len(s.Gives) == 0 })
}

// sourceOf is the number of the source that gave a measurement, from 1 on.
func (m *measured) sourceOf(name string) int {
	return 1 + slices.IndexFunc(m.Sources, func(s source) bool { return slices.Contains(s.Gives, name) })
}

func (m *measured) check() error {
	for _, x := range measurements {
		v, ok := m.Values[x.name]
		if !ok {
			return fmt.Errorf("%s is not among what was measured: run go run ./%s", x.what, withJSON(x.command))
		}
		if v <= 0 {
			return fmt.Errorf("%s was measured as %g, which cannot be: measure it again on an idle machine, go run ./%s", x.what, v, withJSON(x.command))
		}
	}
	for _, kib := range getBatchesKiB {
		i := slices.IndexFunc(m.Gets, func(c getCurve) bool { return c.BatchKiB == kib })
		if i < 0 {
			return fmt.Errorf("GETs by the size of segments with batches of %g KiB are not among what was measured: run go run ./bench/scale --json fanout", kib)
		}
	}
	return nil
}

// withJSON puts the flag where it has to stand, before the measurement.
func withJSON(command string) string { return strings.Replace(command, " ", " --json ", 1) }

func readMeasured(text []byte) (m measured, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	return m, m.check()
}

// prices are those of one store, in dollars. GB are 10⁹ bytes, a month has 730 hours.
type prices struct {
	Name        string  `json:"name"`
	Profile     string  `json:"profile"` // how fast it is, of internal/objstore/latency; that of R2 is assumed to be S3's
	GBMonth     float64 `json:"gb_month"`
	PutThousand float64 `json:"put_thousand"`
	GetThousand float64 `json:"get_thousand"`
	InGB, OutGB float64 `json:"-"` // for bytes sent to it and read from it
}

var stores = []prices{
	{Name: "S3 Standard", Profile: "s3-standard", GBMonth: 0.023, PutThousand: 0.005, GetThousand: 0.0004},
	{Name: "S3 Express", Profile: "s3-express", GBMonth: 0.11, PutThousand: 0.00113, GetThousand: 0.00003, InGB: 0.0032, OutGB: 0.0006},
	{Name: "R2", Profile: "s3-standard", GBMonth: 0.015, PutThousand: 0.0045, GetThousand: 0.00036},
}

// assumptions are what is neither measured nor on a price list of a store. Their fields are flags.
type assumptions struct {
	Zones          int     `json:"zones"`
	FanOut         float64 `json:"fan_out"`
	BatchKiB       float64 `json:"batch_kib"`
	Partitions     float64 `json:"partitions"`
	RetentionHours float64 `json:"retention_hours"`
	BatchMs        float64 `json:"batch_ms"`
	SegmentMiB     float64 `json:"segment_mib"`
	Cores          float64 `json:"cores"`
	MemoryGiB      float64 `json:"memory_gib"`
	NetworkGBs     float64 `json:"network_gb_per_second"`
	Use            float64 `json:"use"`
	MachineHour    float64 `json:"machine_hour"`
	CrossZoneGB    float64 `json:"cross_zone_gb"`
	DiskGBMonth    float64 `json:"disk_gb_month"`
	DiskMBsMonth   float64 `json:"disk_mb_per_second_month"`
	DiskUse        float64 `json:"disk_use"`
}

// assumed are the defaults.
var assumed = assumptions{
	Zones: 3, FanOut: 3, BatchKiB: 16, Partitions: 1000, RetentionHours: 24, BatchMs: 250, SegmentMiB: 8,
	Cores: 16, MemoryGiB: 64, NetworkGBs: 0.9375, Use: 0.5, MachineHour: 0.6528,
	CrossZoneGB: 0.02, DiskGBMonth: 0.08, DiskMBsMonth: 0.04, DiskUse: 0.5,
}
