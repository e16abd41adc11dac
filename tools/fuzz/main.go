// Command fuzz runs every fuzz target of the module for a bounded time, one after the other.
//
//	go run ./tools/fuzz                       2 seconds each
//	go run ./tools/fuzz -time 1h -run Decode  a soak of those whose name matches
//	go run ./tools/fuzz -time 5m -keep        and keep what was found to reach new code, as seeds for all later runs
//
// An input that fails is written by Go into the package's testdata/fuzz; committed, it is a test of its own from then on.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

func main() {
	each := flag.Duration("time", 2*time.Second, "how long each target runs")
	match := flag.String("run", "", "only targets whose PACKAGE.NAME matches this `regexp`")
	keep := flag.Bool("keep", false, "copy small inputs that reached new code into testdata/fuzz")
	list := flag.Bool("list", false, "print the targets and end")
	flag.Parse()
	pattern, err := regexp.Compile(*match)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "fuzz: usage: fuzz [-time D] [-run REGEXP] [-keep] [-list]")
		os.Exit(2)
	}
	targets, err := find(".", pattern)
	if err != nil || len(targets) == 0 {
		fmt.Fprintf(os.Stderr, "fuzz: no targets match %q below this folder: %v\n", *match, err)
		os.Exit(1)
	}
	if *list {
		for _, t := range targets {
			fmt.Println(t)
		}
		return
	}
	os.Exit(runAll(targets, *each, *keep))
}

// runAll prints a line a target and returns the exit code.
func runAll(targets []target, each time.Duration, keep bool) int {
	fmt.Printf("%-60s %12s %10s %8s\n", "target", "inputs", "new", "kept")
	failed := 0
	for _, t := range targets {
		r := t.run(each)
		kept := 0
		if keep && r.err == nil {
			if kept, r.err = t.keep(); r.err != nil {
				r.output = "keeping its corpus"
			}
		}
		fmt.Printf("%-60s %12d %10d %8d\n", t, r.inputs, r.fresh, kept)
		if r.err != nil {
			failed++
			fmt.Printf("%s: %v\n%s\n", t, r.err, r.output)
		}
	}
	fmt.Printf("%d targets fuzzed for %v each, %d failed\n", len(targets), each, failed)
	return min(failed, 1)
}
