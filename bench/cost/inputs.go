package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
)

// measured says what was measured, where and when.
type measured struct {
	Where  string             `json:"where"`
	Values map[string]float64 `json:"values"`
}

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
	cpuInOut        = "cpu_in_out"
	cpuRead         = "cpu_read"
	cpuBatch        = "cpu_batch"
	sequenceRate    = "sequence_rate"
	followRate      = "follow_rate"
	entryBatchBytes = "entry_batch_bytes"
	extentBytes     = "extent_bytes"
	fileBytes       = "file_bytes"
	snapshotBytes   = "snapshot_extent_bytes"
	getsPerSegment  = "gets_per_segment"
	readPerByte     = "read_per_byte"
)

var measurements = []measurement{
	{cpuIn, "CPU of the agent for a GiB in, records of 1 KiB, no codec", "s/GiB", "bench/scale records", inCurve("records", "its CPU, a GiB in", 1024)},
	{cpuInOut, "the same with one reader at the tail", "s/GiB", "bench/scale records", inCurve("records", "agent's CPU, a GiB in and out", 1024)},
	{cpuRead, "CPU of an agent that reads a GiB from the bucket and serves it", "s/GiB", "bench/scale fanout", inCurve("fanout", "CPU of the reading zone, a GiB", 1)},
	{cpuBatch, "CPU of a batch more with the same records", "µs", "bench/scale producers", inCurve("producers", "more than with one partition, a batch", 5000)},
	{sequenceRate, "batches that a sequencer decides, applies and encodes, on one core", "1/s", "bench/numbers apply", inRow("apply", "decide, apply and encode")},
	{followRate, "batches that each agent decodes and applies, on one core", "1/s", "bench/numbers apply", inRow("apply", "decode and apply")},
	{entryBatchBytes, "of a journal entry, for a batch", "B", "bench/numbers apply", inRow("apply", "of an entry, a batch")},
	{extentBytes, "of each agent's memory, for an extent", "B", "bench/numbers state", inRow("state", "one extent, with its share of all around it")},
	{fileBytes, "of each agent's memory, for a data file", "B", "bench/numbers state", inRow("state", "one file")},
	{snapshotBytes, "of a snapshot, for an extent", "B", "bench/scale state", inCurve("state", "snapshot, an extent", 100_000)},
	{getsPerSegment, "GETs of a segment by another zone", "count", "bench/scale fanout", inCurve("fanout", "GETs a segment", 4)},
	{readPerByte, "bytes that another zone reads, for a byte written", "bytes", "bench/scale fanout", inCurve("fanout", "read from the bucket, a byte produced", 4)},
}

// report is what bench/numbers or bench/scale print as JSON, as far as it matters here.
type report struct {
	Rows []struct {
		Section, What string
		Value         float64
	}
	Machine, Date string
	Where         string
	Curves        []struct {
		Name    string
		Columns []struct{ Name string }
		Points  []struct {
			X      float64
			Values []*float64
		}
	}
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

// collect picks the measurements out of reports.
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
		m.Where = r.Where
		if r.Machine != "" {
			m.Where = r.Date + ", " + r.Machine
		}
		for _, x := range measurements {
			if v, ok := x.find(r); ok {
				m.Values[x.name] = v
			}
		}
	}
	return m, m.check()
}

func (m *measured) check() error {
	for _, x := range measurements {
		if m.Values[x.name] <= 0 {
			return fmt.Errorf("%s is not among what was measured: run go run ./%s --json", x.what, x.command)
		}
	}
	return nil
}

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
