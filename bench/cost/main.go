package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/objstore/latency"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "cost:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintln(os.Stderr, "see go run ./bench/cost --help")
		os.Exit(2)
	}
	os.Exit(1)
}

// usageError is what the caller has to do otherwise.
type usageError string

func (e usageError) Error() string { return string(e) }

func wrong(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

func run(args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "collect" {
		if len(args) == 1 {
			return wrong("collect from which files? Those that bench/numbers and bench/scale print with --json")
		}
		m, err := collect(args[1:])
		if err != nil {
			return err
		}
		return encode(out, m)
	}
	m, asJSON, err := parse(args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	for _, rate := range loads {
		m.in = rate * gib
		if m.calculate().TooLarge {
			return wrong("%g GiB/s takes more than %d agents of this size: nothing is calculated past that", rate, agentsMax)
		}
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

// usage is what --help begins with.
const usage = `go run ./bench/cost [flags]                 the page docs/COST.md, or --json
go run ./bench/cost collect FILE ...        measured.json, from what bench/numbers and bench/scale printed with --json

Flags:
`

// parse reads the flags. Help is printed to out.
func parse(args []string, out io.Writer) (m model, asJSON bool, err error) {
	m.assumptions = assumed
	f := flag.NewFlagSet("cost", flag.ContinueOnError)
	f.SetOutput(io.Discard) // of its errors, which are returned
	f.Usage = func() {}
	file := f.String("measured", "", "what was measured, as cost collect prints it (default: the measurements that come with the source)")
	profile := f.String("profile", "", "how fast all stores are: s3-standard, s3-express or gcs (default: each as fast as its own profile)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.IntVar(&m.Zones, "zones", m.Zones, "availability zones, each with as many agents")
	numbers := m.assumptions.numbers()
	for _, x := range numbers {
		f.Float64Var(x.to, x.name, *x.to, x.usage)
	}
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		f.SetOutput(out)
		f.PrintDefaults()
		return m, false, err
	case err != nil:
		return m, false, wrong("%v", err)
	case f.NArg() > 0:
		return m, false, wrong("what is %q for? There are flags only, and collect as the first word", f.Arg(0))
	case m.Zones < 1 || m.Zones > zonesMax:
		return m, false, wrong("-zones is 1 to %d, not %d", zonesMax, m.Zones)
	}
	for _, x := range numbers {
		if !(*x.to >= x.least && *x.to <= x.most) { // nor is NaN
			return m, false, wrong("-%s is %s to %s, not %g", x.name, load.Number(x.least), load.Number(x.most), *x.to)
		}
	}
	return m, asJSON, m.read(*file, *profile)
}

// read reads the measurements and the profile.
func (m *model) read(file, profile string) (err error) {
	m.forced = profile != ""
	var ok bool
	if m.profile, ok = latency.Named(cmp.Or(profile, stores[0].Profile)); !ok {
		return wrong("there is no -profile %q", profile)
	}
	text := measuredHere
	if file != "" {
		if text, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	m.measured, err = readMeasured(text)
	return err
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
			on := m.on(s)
			r.Dollars[s.Name] = on.cost(on.calculate(), s)
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
