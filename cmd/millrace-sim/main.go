// Command millrace-sim runs simulated clusters, each from one seed, and says what promise was broken, if any.
//
//	millrace-sim -seed 7 -log      one seed, with every event: two runs give the same bytes
//	millrace-sim -seeds 0..999     many, with a table of how often each fault and rare path happened
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/millrace-io/millrace/sim"
)

func main() {
	seed := flag.Uint64("seed", 0, "the seed to run")
	seeds := flag.String("seeds", "", "run the seeds `FROM..TO` instead")
	log := flag.Bool("log", false, "print every event")
	flag.Parse()
	from, to, err := *seed, *seed, error(nil)
	if *seeds != "" {
		from, to, err = between(*seeds)
	}
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "millrace-sim: write -seed N, or -seeds FROM..TO")
		os.Exit(2)
	}
	if !run(from, to, *log) {
		os.Exit(1)
	}
}

func between(text string) (from, to uint64, err error) {
	a, b, ok := strings.Cut(text, "..")
	if from, err = strconv.ParseUint(a, 10, 64); err != nil || !ok {
		return 0, 0, fmt.Errorf("%q is not FROM..TO", text)
	}
	to, err = strconv.ParseUint(b, 10, 64)
	return from, to, err
}

// run runs the seeds from and to and those between, and reports whether all promises were kept.
func run(from, to uint64, log bool) bool {
	out := bufio.NewWriter(os.Stdout)
	defer func() { _ = out.Flush() }()
	marks, kept := sim.Marks{}, true
	for seed := from; seed <= to; seed++ {
		o := sim.Standard(seed)
		if log {
			o.Log = out
		}
		r := sim.Run(o)
		kept = kept && !r.Failed()
		marks.Merge(r.Marks)
		if r.Failed() || from == to {
			fmt.Fprintf(out, "%v\ndigest %016x\n", r, r.Digest)
		}
	}
	fmt.Fprintf(out, "%v", marks)
	return kept
}
