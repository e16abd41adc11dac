// Command millrace-sim runs simulated clusters, each from one seed, and says what promise was broken, if any.
//
//	millrace-sim -seed 7 -log          one seed, with every event: two runs give the same bytes
//	millrace-sim -seeds 0..999         many, with a table of how often each fault and rare path happened
//	millrace-sim -seed 7 -shrink       one that fails: looks for a smaller run that fails as well, and keeps it
//	millrace-sim -case FILE -log       a run that was kept
//	millrace-sim -hours 8              a soak: seeds from a new place on, until one fails, which is shrunk and kept
//
// Built with the tag "plant" it also knows the planted bugs:
//
//	millrace-sim -plants               a table of them in Markdown, with what finds each and how soon
//	millrace-sim -plant NAME -seed 7   one of them in a run; also with -log, -shrink
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-io/millrace/sim"
)

// settings are the flags.
type settings struct {
	seed   uint64
	seeds  string
	hours  float64
	from   uint64
	file   string
	log    bool
	shrink bool
	plants bool
	plant  string
	keep   string
	jobs   int
}

func main() {
	var s settings
	flag.Uint64Var(&s.seed, "seed", 0, "the seed to run")
	flag.StringVar(&s.seeds, "seeds", "", "run the seeds `FROM..TO` instead")
	flag.Float64Var(&s.hours, "hours", 0, "run seeds for so many hours, until one fails")
	flag.Uint64Var(&s.from, "from", 0, "the first seed of a soak; 0: one that the time gives")
	flag.StringVar(&s.file, "case", "", "run the case in `FILE`")
	flag.BoolVar(&s.log, "log", false, "print every event")
	flag.BoolVar(&s.shrink, "shrink", false, "make a run that fails smaller, and keep it")
	flag.BoolVar(&s.plants, "plants", false, "find the planted bugs, and print a table")
	flag.StringVar(&s.plant, "plant", "", "run with the planted bug `NAME`")
	flag.StringVar(&s.keep, "keep", sim.Regressions, "the folder to keep shrunk runs in")
	flag.IntVar(&s.jobs, "jobs", runtime.GOMAXPROCS(0), "how many seeds to run at once")
	flag.Parse()
	kept, err := s.do()
	if err != nil {
		fmt.Fprintln(os.Stderr, "millrace-sim:", err)
		os.Exit(2)
	}
	if !kept {
		os.Exit(1)
	}
}

// do does what is asked for, and reports whether all promises were kept.
func (s *settings) do() (kept bool, err error) {
	if flag.NArg() > 0 || s.jobs < 1 {
		return false, fmt.Errorf("flags only, and at least one job; see -help")
	}
	out := bufio.NewWriter(os.Stdout)
	defer func() { _ = out.Flush() }()
	switch {
	case s.plants:
		return true, findPlants(out, s.jobs)
	case s.hours > 0:
		return s.soak(out, time.Now().Add(time.Duration(s.hours*float64(time.Hour))))
	case s.seeds != "":
		from, to, err := between(s.seeds)
		if err != nil {
			return false, err
		}
		return s.many(out, from, to), nil
	}
	return s.one(out)
}

func between(text string) (from, to uint64, err error) {
	a, b, ok := strings.Cut(text, "..")
	if from, err = strconv.ParseUint(a, 10, 64); err != nil || !ok {
		return 0, 0, fmt.Errorf("%q is not FROM..TO", text)
	}
	to, err = strconv.ParseUint(b, 10, 64)
	return from, to, err
}

// one runs one seed or case.
func (s *settings) one(out *bufio.Writer) (kept bool, err error) {
	o, plant := sim.Standard(s.seed), s.plant
	if s.file != "" {
		c, err := sim.ReadCase(s.file)
		if err != nil {
			return false, err
		}
		o = c.Options
		if plant == "" {
			plant = c.Plant
		}
	}
	run, err := runner(plant)
	if err != nil {
		return false, err
	}
	if s.shrink {
		return s.shrinkOne(out, o, run, plant)
	}
	if s.log {
		o.Log = out
	}
	r := run(o)
	fmt.Fprintf(out, "%v\ndigest %016x\n%v", r, r.Digest, r.Marks)
	return !r.Failed(), nil
}

// many runs the seeds from and to and those between.
func (s *settings) many(out *bufio.Writer, from, to uint64) (kept bool) {
	marks, failed := sim.Marks{}, 0
	jobs := s.jobs
	if s.log {
		jobs = 1
	}
	sim.Seeds(from, to, jobs, func(seed uint64) *sim.Result {
		o := sim.Standard(seed)
		if s.log {
			o.Log = out
		}
		return sim.Run(o)
	}, func(r *sim.Result) bool {
		marks.Merge(r.Marks)
		if r.Failed() {
			failed++
			fmt.Fprintf(out, "%v\n", r)
		}
		return true
	})
	fmt.Fprintf(out, "%vseeds %d to %d: %d failed\n", marks, from, to, failed)
	return failed == 0
}
