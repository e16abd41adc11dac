package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

// options are the command's flags.
type options struct {
	json     bool
	quick    bool
	dir      string
	binary   string
	html     string
	markdown string
	profiles string
	each     time.Duration
}

// bench is one run of the command.
type bench struct {
	options
	rig    *rig.Rig
	curves []report.Curve
}

// measurements are what can be asked for.
var measurements = []rig.Measurement[*bench]{
	{Name: "state", What: "partitions and extents: start, memory, snapshots, Metadata of all topics, Fetch over 10,000 partitions", Run: (*bench).state},
	{Name: "connections", What: "clients that produce and fetch a little", Run: (*bench).connections},
	{Name: "groups", What: "consumer groups: until they are stable, then heartbeats and commits", Run: (*bench).groups},
	{Name: "records", What: "records of 1 KiB to 20 MB; of 1 KiB also what a reader at the tail takes", Run: (*bench).records},
	{Name: "producers", What: "one idempotent producer that spreads the same records over more and more partitions", Run: (*bench).producers},
	{Name: "fanout", What: "what a zone reads of what another writes: by the number of its agents, and by the size of segments", Run: (*bench).fanout},
	{Name: "s3", What: "CPU of two zones whose bucket is an S3 server, beside a folder", Run: (*bench).s3},
	{Name: "java", What: "one idempotent Java producer with its defaults, three agents, a bucket as far away as S3 Standard", Run: (*bench).java},
}

func main() {
	var o options
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.BoolVar(&o.quick, "quick", false, "the first points of each curve only, for a second each: is it alive?")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where buckets are made, and removed")
	flag.StringVar(&o.binary, "binary", "", "measure this millrace instead of building one")
	flag.StringVar(&o.html, "html", "", "write a page with plots into this file")
	flag.StringVar(&o.markdown, "markdown", "", "write the tables as they stand in docs/PERFORMANCE.md into this file")
	flag.StringVar(&o.profiles, "profiles", "", "write a CPU profile of the agent at each point into this folder")
	flag.DurationVar(&o.each, "each", 10*time.Second, "how long the load of a point lasts")
	rig.Usage("scale", measurements)
	flag.Parse()
	if err := run(o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(o options, names []string, out io.Writer) (err error) {
	chosen, err := rig.Choose(measurements, names)
	if err != nil {
		return err
	}
	if o.quick {
		o.each = time.Second
	}
	b := &bench{options: o}
	if b.rig, err = rig.New(o.dir, "scale", o.binary); err != nil {
		return err
	}
	defer b.rig.Close()
	where := rig.Where()
	for _, m := range chosen {
		if e := m.Run(b); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.Name, e))
		}
		b.rig.Cleanup()
	}
	return errors.Join(err, b.print(out, where), b.page(where), b.pageTables(where))
}

// progress says what goes on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+" …\n", args...)
}

// points are those of a curve: all, or the first two of a quick run.
func (b *bench) points(all ...int) []int {
	if b.quick {
		return all[:min(2, len(all))]
	}
	return all
}

// along measures a curve point by point. What fails ends it, and leaves what was measured.
func (b *bench) along(c report.Curve, points []int, measure func(x int) ([]report.Figure, error)) error {
	var err error
	for _, x := range points {
		b.progress("%s: %s %s", c.Name, load.Number(float64(x)), c.X)
		var values []report.Figure
		values, err = measure(x)
		b.rig.Cleanup()
		if err != nil {
			err = fmt.Errorf("at %d %s: %w", x, c.X, err)
			break
		}
		c.Points = append(c.Points, report.Sample{X: float64(x), Values: values})
	}
	if len(c.Points) > 0 {
		b.curves = append(b.curves, c)
	}
	return err
}

// page writes the plots, if asked for.
func (b *bench) page(where string) error {
	if b.html == "" {
		return nil
	}
	f, err := os.Create(b.html)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteCurves(f, "Millrace: scale", where, b.curves), f.Close())
}

// pageTables writes the tables for the documents, if asked for.
func (b *bench) pageTables(where string) error {
	if b.markdown == "" {
		return nil
	}
	return os.WriteFile(b.markdown, []byte(markdown(where, b.curves)), 0o644)
}
