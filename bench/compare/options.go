package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/internal/load"
)

// options are the command's flags.
type options struct {
	short       bool
	args        []string // as they were given
	json        string
	markdown    string
	dir         string
	partitions  []int
	systems     []system
	loads       []step
	rounds      int
	warmup      time.Duration // of a server, JIT
	settle      time.Duration // of a load, before its window opens
	window      time.Duration
	ratesMB     []float64 // of paced loads; the first is tail's as well, see ratesAt
	readers     int       // of tail, each of everything
	producers   int
	backlogMiB  int
	backlogAge  time.Duration
	readings    int // of the backlog, at least
	toolRecords int // that kafka-consumer-perf-test reads in a run, at most
	toolRuns    int // of kafka-consumer-perf-test
	fillMemory  bool
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
	var l lists
	f.StringVar(&o.json, "json", "", "write every figure of every round into this file as well, after each turn")
	f.StringVar(&o.markdown, "markdown", "", "write the tables and goals as docs/PERFORMANCE.md shows them into this file as well, after each turn")
	f.BoolVar(&o.short, "short", false, "a minute that shows that it works: one round, 20 partitions, short windows, no goals; other flags still count")
	f.StringVar(&o.dir, "dir", os.TempDir(), "where servers keep their data, which is removed; up to 40 GiB")
	f.StringVar(&l.partitions, "partitions", "1,100,1000,5000", "numbers of partitions, one after the other")
	f.StringVar(&l.systems, "systems", "kafka,millrace,millrace-nofsync", "which of "+strings.Join(systemNames(), ", ")+"; the first is what the others are compared with")
	f.StringVar(&l.loads, "loads", strings.Join(stepNames(), ","), "which loads; paced belongs to tail")
	f.IntVar(&o.rounds, "rounds", 3, "how often each system has its turn")
	f.DurationVar(&o.warmup, "warmup", time.Minute, "load on a new server before anything is measured")
	f.DurationVar(&o.settle, "settle", 3*time.Second, "each load's own time before its window opens")
	f.DurationVar(&o.window, "window", 15*time.Second, "how long each load is measured; four times as long from 1,000 partitions on")
	f.StringVar(&l.rates, "rate", "20,100", "paced: MB/s of values, one load for each; tail has the first; from 1,000 partitions on, one of a quarter of that comes before it")
	f.IntVar(&o.readers, "readers", 4, "tail: readers, each of everything")
	f.IntVar(&o.producers, "producers", 4, "our producers")
	f.IntVar(&o.backlogMiB, "backlog", 1024, "catch-up: MiB of values")
	f.DurationVar(&o.backlogAge, "backlog-age", 75*time.Second, "catch-up: how long the backlog lies before it is read, so that what a server does with it later is done; its CPU meanwhile is a row of its own")
	f.IntVar(&o.readings, "readings", 4, "catch-up: how often the backlog is read at least; anew until the window's length has passed")
	f.IntVar(&o.toolRecords, "tool-records", 1_000_000, "java catch-up: records to read in a run")
	f.IntVar(&o.toolRuns, "tool-runs", 3, "java catch-up: runs of the tool")
	f.BoolVar(&o.fillMemory, "fill-memory", false, "before each turn fill the free memory with a file's pages, as it is on a server that has run for long; takes as much of --dir, and a minute")
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
	o.args = args
	return o, o.complete(f, l)
}

// shorten sets what was not given.
func shorten(f *flag.FlagSet) {
	given := map[string]bool{}
	f.Visit(func(x *flag.Flag) { given[x.Name] = true })
	for name, value := range map[string]string{
		"partitions": shortPartitions, "systems": shortSystems, "rounds": "1", "warmup": "3s", "settle": "500ms", "window": "2s", "rate": "2,4",
		"backlog": "256", "backlog-age": "1s", "readings": "2", "tool-records": "20000", "tool-runs": "1",
	} {
		if !given[name] {
			_ = f.Set(name, value) // these are sound
		}
	}
}

// lists are flags of several values, with commas between them.
type lists struct{ partitions, systems, loads, rates string }

// complete reads the lists and finds whatever cannot be before anything is laid out.
func (o *options) complete(f *flag.FlagSet, l lists) error {
	if err := o.read(l); err != nil {
		return err
	}
	if err := o.checkNumbers(f); err != nil {
		return err
	}
	if err := o.checkLoads(); err != nil {
		return err
	}
	if err := o.checkFiles(); err != nil {
		return err
	}
	if o.pin = o.pin && host.CanPin(); !o.pin {
		return nil
	}
	return errors.Join(checkCores("server-cores", o.serverCores), checkCores("client-cores", o.clientCores))
}

func (o *options) read(l lists) error {
	for _, list := range []struct {
		flag, text string
		take       func(text string) (value any, err error)
	}{
		{"partitions", l.partitions, o.takePartitions},
		{"systems", l.systems, o.takeSystem},
		{"loads", l.loads, o.takeLoad},
		{"rate", l.rates, o.takeRate},
	} {
		seen := map[any]bool{}
		for text := range strings.SplitSeq(list.text, ",") {
			value, err := list.take(text)
			if err == nil && seen[value] {
				err = fmt.Errorf("%s comes twice", text)
			}
			if err != nil {
				return fmt.Errorf("--%s: %w", list.flag, err)
			}
			seen[value] = true
		}
	}
	return nil
}

func (o *options) takePartitions(text string) (any, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%q is no number of partitions", text)
	}
	o.partitions = append(o.partitions, n)
	return n, nil
}

func (o *options) takeSystem(name string) (any, error) {
	i, err := place(systemNames(), name)
	if err == nil {
		o.systems = append(o.systems, allSystems[i])
	}
	return i, err
}

func (o *options) takeLoad(name string) (any, error) {
	i, err := place(stepNames(), name)
	if err == nil {
		o.loads = append(o.loads, steps[i])
	}
	return i, err
}

// place finds a name in a list.
func place(names []string, name string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("there is no %q, there are %s", name, strings.Join(names, ", "))
	}
	return i, nil
}

// rateMost is beyond what two machines of today send to each other, in MB/s.
const rateMost = 100_000

func (o *options) takeRate(text string) (any, error) {
	mb, err := strconv.ParseFloat(text, 64)
	if err != nil || !(mb > 0 && mb <= rateMost) {
		return nil, fmt.Errorf("%q is no rate in MB/s", text)
	}
	o.ratesMB = append(o.ratesMB, mb)
	return mb, nil
}

func (o *options) checkNumbers(f *flag.FlagSet) error {
	for _, x := range []struct {
		flag  string
		sound bool
		want  string
	}{
		{"rounds", o.rounds >= 1, "1 or more"},
		{"warmup", o.warmup >= 0, "0s or longer"},
		{"settle", o.settle >= 0, "0s or longer"},
		{"window", o.window >= time.Second, "1s or longer"},
		{"backlog", o.backlogMiB >= 1, "1 MiB or more"},
		{"backlog-age", o.backlogAge >= 0, "0 or more"},
		{"readings", o.readings >= 1, "1 or more"},
		{"tool-records", o.toolRecords >= 1, "1 or more"},
		{"tool-runs", o.toolRuns >= 1, "1 or more"},
	} {
		if !x.sound {
			return fmt.Errorf("--%s %s: want %s", x.flag, f.Lookup(x.flag).Value, x.want)
		}
	}
	return nil
}

// checkLoads asks the loads themselves for what they take.
func (o *options) checkLoads() error {
	for _, partitions := range o.partitions {
		c := load.Defaults(load.FanOut)
		c.Partitions, c.Producers, c.Consumers = partitions, o.producers, o.readers
		err := c.Check()
		var wrong *load.ConfigError
		if errors.As(err, &wrong) && wrong.Flag == "consumers" {
			return &load.ConfigError{Flag: "readers", Text: wrong.Text}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFiles looks for the folders that have to be there already.
func (o *options) checkFiles() error {
	for _, x := range []struct{ flag, dir string }{
		{"dir", o.dir}, {"json", filepath.Dir(o.json)}, {"markdown", filepath.Dir(o.markdown)},
	} {
		if info, err := os.Stat(x.dir); err != nil || !info.IsDir() {
			return fmt.Errorf("--%s: there is no folder %s", x.flag, x.dir)
		}
	}
	if o.fillMemory && host.FileSystem(o.dir) == "tmpfs" {
		return fmt.Errorf("--fill-memory: %s is in memory itself (tmpfs): choose a --dir on a disk", o.dir)
	}
	return nil
}

// checkCores refuses cores that the machine does not have.
func checkCores(flag, list string) error {
	cores, err := host.CoreList(list)
	if err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	if last := slices.Max(cores); last >= host.Cores() {
		return fmt.Errorf("--%s %s: there is no core %d, there are 0 to %d", flag, list, last, host.Cores()-1)
	}
	return nil
}

func stepNames() (names []string) {
	for _, s := range steps {
		names = append(names, s.name)
	}
	return names
}
