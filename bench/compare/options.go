package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the command's flags.
type options struct {
	short       bool
	json        string
	dir         string
	partitions  []int
	systems     []system
	loads       []step
	rounds      int
	warmup      time.Duration // of a server, JIT
	settle      time.Duration // of a load, before its window opens
	window      time.Duration
	rateMB      float64 // of paced and tail
	readers     int     // of tail, each of everything
	producers   int
	backlogMiB  int
	readings    int // of the backlog, at least
	toolRecords int // that kafka-consumer-perf-test reads in a run, at most
	toolRuns    int // of kafka-consumer-perf-test
	pin         bool
	serverCores string
	clientCores string
	reports     string
	profiles    string
}

// Values of a run that only shows that the command works.
const (
	shortPartitions = "20"
	shortSystems    = "kafka,millrace"
)

func parse(args []string, out io.Writer) (o options, err error) {
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		fmt.Fprintf(out, "Runs Millrace beside Apache Kafka with the same clients and prints ratios; go doc ./bench/compare tells how.\n\nusage: go run ./bench/compare [flags]\n\n")
		f.PrintDefaults()
	}
	var partitions, systems, loads string
	f.StringVar(&o.json, "json", "", "write every figure of every round into this file as well, after each turn")
	f.BoolVar(&o.short, "short", false, "a minute that shows that it works: one round, 20 partitions, short windows, no goals; other flags still count")
	f.StringVar(&o.dir, "dir", os.TempDir(), "where servers keep their data, which is removed; up to 20 GiB")
	f.StringVar(&partitions, "partitions", "1,100,1000,5000", "numbers of partitions, one after the other")
	f.StringVar(&systems, "systems", "kafka,millrace,millrace-nofsync", "which of "+strings.Join(systemNames(), ", ")+"; the first is what the others are compared with")
	f.StringVar(&loads, "loads", strings.Join(stepNames(), ","), "which loads; paced belongs to tail")
	f.IntVar(&o.rounds, "rounds", 3, "how often each system has its turn")
	f.DurationVar(&o.warmup, "warmup", time.Minute, "load on a new server before anything is measured")
	f.DurationVar(&o.settle, "settle", 3*time.Second, "each load's own time before its window opens")
	f.DurationVar(&o.window, "window", 15*time.Second, "how long each load is measured; four times as long from 1,000 partitions on")
	f.Float64Var(&o.rateMB, "rate", 20, "paced, tail: MB/s of values")
	f.IntVar(&o.readers, "readers", 4, "tail: readers, each of everything")
	f.IntVar(&o.producers, "producers", 4, "our producers")
	f.IntVar(&o.backlogMiB, "backlog", 1024, "catch-up: MiB of values")
	f.IntVar(&o.readings, "readings", 4, "catch-up: how often the backlog is read at least; anew until the window's length has passed")
	f.IntVar(&o.toolRecords, "tool-records", 1_000_000, "java catch-up: records to read in a run")
	f.IntVar(&o.toolRuns, "tool-runs", 3, "java catch-up: runs of the tool")
	f.BoolVar(&o.pin, "pin", true, "keep server and clients on cores of their own, where the system can")
	f.StringVar(&o.serverCores, "server-cores", "0", "cores of the server")
	f.StringVar(&o.clientCores, "client-cores", "1", "cores of the clients")
	f.StringVar(&o.reports, "reports", "", "write an HTML report of each of our clients' loads into this folder")
	f.StringVar(&o.profiles, "profiles", "", "write pprof files of the agent under each of our clients' loads into this folder; costs it some CPU")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.short {
		shorten(f)
	}
	return o, o.complete(partitions, systems, loads)
}

// shorten sets what was not given.
func shorten(f *flag.FlagSet) {
	given := map[string]bool{}
	f.Visit(func(x *flag.Flag) { given[x.Name] = true })
	for name, value := range map[string]string{
		"partitions": shortPartitions, "systems": shortSystems, "rounds": "1", "warmup": "3s", "settle": "500ms", "window": "2s", "rate": "2",
		"backlog": "256", "readings": "2", "tool-records": "20000", "tool-runs": "1",
	} {
		if !given[name] {
			_ = f.Set(name, value) // these are sound
		}
	}
}

func (o *options) complete(partitions, systems, loads string) error {
	for text := range strings.SplitSeq(partitions, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("--partitions: %q is no number of partitions", text)
		}
		o.partitions = append(o.partitions, n)
	}
	for name := range strings.SplitSeq(systems, ",") {
		i := slices.IndexFunc(allSystems, func(s system) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("--systems: there is no %q, there are %s", name, strings.Join(systemNames(), ", "))
		}
		o.systems = append(o.systems, allSystems[i])
	}
	for name := range strings.SplitSeq(loads, ",") {
		i := slices.Index(stepNames(), name)
		if i < 0 {
			return fmt.Errorf("--loads: there is no %q, there are %s", name, strings.Join(stepNames(), ", "))
		}
		o.loads = append(o.loads, steps[i])
	}
	if o.rounds < 1 || o.window < time.Second || o.rateMB <= 0 || o.readers < 1 || o.backlogMiB < 1 || o.readings < 1 || o.toolRecords < 1 || o.toolRuns < 1 {
		return fmt.Errorf("--rounds, --rate, --readers, --backlog, --readings, --tool-records and --tool-runs are positive, --window is a second or more")
	}
	return nil
}

func stepNames() (names []string) {
	for _, s := range steps {
		names = append(names, s.name)
	}
	return names
}
