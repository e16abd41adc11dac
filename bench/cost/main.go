package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/millrace-io/millrace/internal/objstore/latency"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "collect" {
		m, err := collect(args[1:])
		if err != nil {
			return err
		}
		return encode(out, m)
	}
	m, asJSON, err := parse(args)
	if err != nil {
		return err
	}
	if asJSON {
		return encode(out, m.results())
	}
	return writePage(out, m)
}

func encode(out io.Writer, v any) error {
	w := json.NewEncoder(out)
	w.SetIndent("", "  ")
	return w.Encode(v)
}

// parse reads the flags.
func parse(args []string) (m model, asJSON bool, err error) {
	m.assumptions = assumed
	a := &m.assumptions
	f := flag.NewFlagSet("cost", flag.ContinueOnError)
	file := f.String("measured", "", "what was measured, as cost collect prints it (default: the measurements that come with the source)")
	profile := f.String("profile", "s3-standard", "how fast the store is: s3-standard, s3-express or gcs")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.IntVar(&a.Zones, "zones", a.Zones, "availability zones, each with as many agents")
	for _, x := range []struct {
		name  string
		to    *float64
		usage string
	}{
		{"fan-out", &a.FanOut, "how often everything is read"},
		{"batch", &a.BatchKiB, "a producer's batch, in KiB as it is sent"},
		{"partitions", &a.Partitions, "partitions that are written to all the time"},
		{"retention", &a.RetentionHours, "hours that records are kept"},
		{"batch-timeout", &a.BatchMs, "--batch-timeout of the agents, in ms"},
		{"batch-bytes", &a.SegmentMiB, "--batch-bytes of the agents, in MiB"},
		{"cores", &a.Cores, "cores of a machine"},
		{"memory", &a.MemoryGiB, "memory of a machine, in GiB"},
		{"network", &a.NetworkGBs, "network of a machine each way, in GB/s"},
		{"use", &a.Use, "share of cores and network that is used at most"},
		{"machine", &a.MachineHour, "dollars for a machine and hour"},
		{"cross-zone", &a.CrossZoneGB, "dollars for a GB from zone to zone, both directions together"},
		{"disk", &a.DiskGBMonth, "Kafka: dollars for a GB of disk and month"},
		{"disk-throughput", &a.DiskMBsMonth, "Kafka: dollars for a MB/s of disk above 125 and month"},
		{"disk-use", &a.DiskUse, "Kafka: share of its disks that is used"},
	} {
		f.Float64Var(x.to, x.name, *x.to, x.usage)
	}
	if err := f.Parse(args); err != nil {
		return m, false, err
	}
	var ok bool
	if m.profile, ok = latency.Named(*profile); !ok {
		return m, false, fmt.Errorf("there is no profile %q", *profile)
	}
	text := measuredHere
	if *file != "" {
		if text, err = os.ReadFile(*file); err != nil {
			return m, false, err
		}
	}
	m.measured, err = readMeasured(text)
	return m, asJSON, err
}

// result is what a load comes to, for scripts.
type result struct {
	GiBPerSecond float64         `json:"gib_per_second"`
	Load         outcome         `json:"load"`
	Dollars      map[string]bill `json:"dollars_an_hour"`
	Breaks       map[string]bool `json:"over_the_limit"`
}

func (m model) results() any {
	var all []result
	for _, rate := range loads {
		m.in = rate * gib
		r := result{rate, m.calculate(), map[string]bill{}, map[string]bool{}}
		for _, s := range stores {
			r.Dollars[s.Name] = m.cost(r.Load, s)
		}
		_, r.Dollars["Kafka on disks"] = m.kafka()
		for _, l := range limits {
			r.Breaks[l.what] = l.load(&m, r.Load) > l.most(&m)
		}
		all = append(all, r)
	}
	return struct {
		Measured    measured    `json:"measured"`
		Assumptions assumptions `json:"assumptions"`
		Stores      []prices    `json:"stores"`
		Results     []result    `json:"results"`
	}{m.measured, m.assumptions, stores, all}
}
