package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/millrace-io/millrace/bench/rig"
)

// options are the command's flags.
type options struct {
	json     bool
	dir      string
	binary   string
	runs     int
	settle   time.Duration
	watch    time.Duration
	load     time.Duration
	mbPerSec int
	profiles string
}

// bench is one run of the command: what it was asked for, what it found.
type bench struct {
	options
	rig    *rig.Rig
	report rig.Report
}

// measurements are what can be asked for.
var measurements = []rig.Measurement[*bench]{
	{Name: "startup", What: "from the start of the process to /readyz: on an empty file bucket, and on a state of 1,000,000 extents", Run: (*bench).startup},
	{Name: "state", What: "bytes of memory for each thing the state holds", Run: (*bench).state},
	{Name: "apply", What: "partition-appends a second on one core", Run: (*bench).apply},
	{Name: "idle", What: "requests to the bucket per minute while one idle consumer group is attached", Run: (*bench).idle},
	{Name: "memory", What: "memory, CPU and latency of an agent that moves 100 MB/s in and out", Run: (*bench).memory},
}

func main() {
	var o options
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where buckets are made, and removed")
	flag.StringVar(&o.binary, "binary", "", "measure this millrace instead of building one")
	flag.IntVar(&o.runs, "runs", 7, "starts on an empty bucket, and on a large state; the median counts")
	flag.DurationVar(&o.settle, "settle", 45*time.Second, "idle: wait before counting")
	flag.DurationVar(&o.watch, "watch", 4*time.Minute, "idle: how long to count; idle agents renew their registration every 4 minutes")
	flag.DurationVar(&o.load, "load", time.Minute, "memory: how long the load lasts")
	flag.IntVar(&o.mbPerSec, "rate", 100, "memory: MB/s offered by all producers together")
	flag.StringVar(&o.profiles, "profiles", "", "memory: write cpu.pprof and heap.pprof of the agent into this folder")
	rig.Usage("numbers", measurements)
	flag.Parse()
	if err := run(o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "numbers:", err)
		os.Exit(1)
	}
}

func run(o options, names []string, out io.Writer) (err error) {
	chosen, err := rig.Choose(measurements, names)
	if err != nil {
		return err
	}
	b := &bench{options: o, report: rig.NewReport()}
	if b.rig, err = rig.New(o.dir, "numbers", o.binary); err != nil {
		return err
	}
	defer b.rig.Close()
	for _, m := range chosen {
		fmt.Fprintf(os.Stderr, "%s …\n", m.Name)
		if e := m.Run(b); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.Name, e))
		}
		b.rig.Cleanup()
	}
	return errors.Join(err, b.report.Print(out, o.json))
}
