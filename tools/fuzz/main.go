// Command fuzz runs every fuzz target of the module for a bounded time, each with one worker.
//
//	go run ./tools/fuzz                       2 seconds each, one after the other
//	go run ./tools/fuzz -p 2                  two at a time
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
	atOnce := flag.Int("p", 1, "how many `targets` run at a time")
	match := flag.String("run", "", "only targets whose PACKAGE.NAME matches this `regexp`")
	keep := flag.Bool("keep", false, "copy small inputs that reached new code into testdata/fuzz")
	list := flag.Bool("list", false, "print the targets and end")
	flag.Parse()
	pattern, err := regexp.Compile(*match)
	if err != nil || flag.NArg() > 0 || *atOnce < 1 {
		fmt.Fprintln(os.Stderr, "fuzz: usage: fuzz [-time D] [-p N] [-run REGEXP] [-keep] [-list]")
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
	os.Exit(runAll(targets, *each, *atOnce, *keep))
}

// runAll prints a line a target, in their order, and returns the exit code.
func runAll(targets []target, each time.Duration, atOnce int, keep bool) int {
	fmt.Printf("%-60s %12s %10s %8s\n", "target", "inputs", "new", "kept")
	failed := 0
	for i, outcome := range start(targets, atOnce, func(t target) outcome { return t.run(each, keep) }) {
		t, r := targets[i], <-outcome
		fmt.Printf("%-60s %12d %10d %8d\n", t, r.inputs, r.fresh, r.kept)
		if r.err != nil {
			failed++
			fmt.Printf("%s: %v\n%s\n", t, r.err, r.output)
		}
	}
	fmt.Printf("%d targets fuzzed for %v each, %d failed\n", len(targets), each, failed)
	return min(failed, 1)
}

// start runs the targets, so many at a time, and gives what will come of each.
func start(targets []target, atOnce int, run func(target) outcome) []chan outcome {
	outcomes, places := make([]chan outcome, len(targets)), make(chan struct{}, atOnce)
	for i := range targets {
		outcomes[i] = make(chan outcome, 1)
	}
	go func() {
		for i, t := range targets {
			places <- struct{}{}
			go func() {
				outcomes[i] <- run(t)
				<-places
			}()
		}
	}()
	return outcomes
}
