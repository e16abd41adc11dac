package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/objstore/latency"
)

// setting is a row of the goals.
type setting struct {
	profile string
	timeout time.Duration
	goals   [4]time.Duration // produce p50, p99, end to end p50, p99
}

const ms = time.Millisecond

var settings = []setting{
	{"s3-standard", 250 * ms, [4]time.Duration{230 * ms, 400 * ms, 300 * ms, 550 * ms}},
	{"s3-standard", 50 * ms, [4]time.Duration{150 * ms, 300 * ms, 200 * ms, 400 * ms}},
	{"s3-express", 10 * ms, [4]time.Duration{25 * ms, 45 * ms, 35 * ms, 70 * ms}},
}

// ways are what is switched off and on.
var ways = []way{{rides: false, hedges: false}, {rides: false, hedges: true}, {rides: true, hedges: false}, {rides: true, hedges: true}}

type way struct{ rides, hedges bool }

func main() {
	o, chosen, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(2)
	}
	if err := run(o, chosen, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

// parse reads the flags: the load, and which settings to measure.
func parse(args []string, out io.Writer) (o load, chosen []setting, err error) {
	f := flag.NewFlagSet("latency", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		fmt.Fprintf(out, "Measures what a produced record waits for on a bucket as slow as S3, in virtual time; producers are idempotent, as clients are by default.\n\nusage: go run ./bench/latency [flags]\n\n")
		f.PrintDefaults()
	}
	f.Uint64Var(&o.seed, "seed", 1, "of the world")
	f.IntVar(&o.producers, "producers", 10, "for each agent")
	f.Float64Var(&o.perSecond, "rate", 5, "batches a second of each producer")
	f.IntVar(&o.bytes, "bytes", 1024, "of each batch's one record")
	f.DurationVar(&o.lasts, "for", 4*time.Minute, "virtual time that is measured, after a quarter of it to warm up")
	only := f.String("only", "", "the settings of one profile only: "+strings.Join(profiles(), " or "))
	if err := f.Parse(args); err != nil {
		return o, nil, err
	}
	switch {
	case f.NArg() > 0:
		return o, nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.producers < 1 || !(o.perSecond > 0) || o.bytes < 0 || o.lasts <= 0:
		return o, nil, errors.New("-producers, -rate and -for are positive, -bytes is 0 or more")
	}
	for _, s := range settings {
		if *only == "" || s.profile == *only {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return o, nil, fmt.Errorf("-only: there is no %q, there are %s", *only, strings.Join(profiles(), ", "))
	}
	return o, chosen, nil
}

// profiles names those of the settings.
func profiles() (names []string) {
	for _, s := range settings {
		if !slices.Contains(names, s.profile) {
			names = append(names, s.profile)
		}
	}
	return names
}

func run(o load, chosen []setting, out io.Writer) error {
	fmt.Fprintln(out, rig.Where())
	fmt.Fprintf(out, "3 agents, %d producers each, %.3g batches/s each of a record of %d bytes; %v of virtual time\n", o.producers, o.perSecond, o.bytes, o.lasts)
	fmt.Fprintf(out, "Milliseconds, each with its goal. \"Paid\" is how much lower a figure is for one part, with the other on.\n\n")
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "profile\tbatch\trides\thedges\tproduce p50\tp99\tp99.9\tend to end p50\tp99\tp99.9\tentries/s\tPUT/s\tGET/s\thedged\t")
	for _, s := range chosen {
		profile, ok := latency.Named(s.profile)
		if !ok {
			return fmt.Errorf("no profile %q", s.profile)
		}
		var of [4]*measured
		for i, w := range ways {
			m, err := measure(o, profile, s.timeout, w)
			if err != nil {
				return err
			}
			of[i] = m
			m.print(t, s, w)
		}
		paid(t, "riders paid", of[1], of[3])
		paid(t, "hedges paid", of[2], of[3])
		fmt.Fprintln(t, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t")
	}
	return t.Flush()
}

// quantiles are what is printed of both latencies.
var quantiles = [...]float64{0.5, 0.99, 0.999}

func (m *measured) print(t *tabwriter.Writer, s setting, w way) {
	fmt.Fprintf(t, "%s\t%v\t%s\t%s\t", s.profile, s.timeout, onOff(w.rides), onOff(w.hedges))
	for i, l := range []latencies{m.produce, m.endToEnd} {
		for k, q := range quantiles {
			cell := millis(l.quantile(q))
			if k < 2 {
				cell = against(l.quantile(q), s.goals[2*i+k])
			}
			fmt.Fprintf(t, "%s\t", cell)
		}
	}
	seconds := m.lasted.Seconds()
	fmt.Fprintf(t, "%.1f\t%.1f\t%.1f\t%.1f %%\t\n", float64(m.entries)/seconds, float64(m.puts)/seconds, float64(m.gets)/seconds, 100*float64(m.hedges)/float64(m.puts+m.gets))
}

// paid prints what came of switching a part on.
func paid(t *tabwriter.Writer, what string, off, on *measured) {
	fmt.Fprintf(t, "\t\t\t%s\t", what)
	for _, l := range [][2]latencies{{off.produce, on.produce}, {off.endToEnd, on.endToEnd}} {
		for _, q := range quantiles {
			fmt.Fprintf(t, "%s\t", millis(l[0].quantile(q)-l[1].quantile(q)))
		}
	}
	seconds := on.lasted.Seconds()
	fmt.Fprintf(t, "%.1f\t%.1f\t%.1f\t\t\n", float64(off.entries-on.entries)/seconds, float64(off.puts-on.puts)/seconds, float64(off.gets-on.gets)/seconds)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// against writes a figure beside its goal.
func against(d, goal time.Duration) string {
	if d > goal {
		return millis(d) + " > " + millis(goal)
	}
	return millis(d) + " ≤ " + millis(goal)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.0f", float64(d)/float64(ms)) }
