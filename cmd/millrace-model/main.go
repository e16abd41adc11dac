// Command millrace-model explores the models of sim/model: every state of small worlds, with all rules of the design, and
// with each of them left out.
//
//	millrace-model                     the worlds of CI, then each rule left out: two tables
//	millrace-model -deep               larger worlds as well: six minutes on an idle machine, and 3 GB
//	millrace-model -world NAME         that world alone
//	millrace-model -without RULE       that rule left out: how a promise is broken, step by step (with -world: there)
//	millrace-model -list               the names of worlds and rules
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/millrace-io/millrace/sim/model"
	"github.com/millrace-io/millrace/sim/model/explore"
)

func main() {
	var o options
	flag.BoolVar(&o.deep, "deep", false, "explore the larger worlds as well")
	flag.StringVar(&o.world, "world", "", "explore that `world` alone")
	flag.StringVar(&o.without, "without", "", "leave that `rule` out; the beginning of its name will do")
	flag.BoolVar(&o.list, "list", false, "list the names of worlds and rules")
	flag.IntVar(&o.limit, "limit", 300_000_000, "give a world up after that many `states`: ten million take some 300 MB")
	flag.Parse()
	kept, err := o.run(os.Stdout)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("what is %q?", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "millrace-model:", err)
		os.Exit(2)
	}
	if !kept {
		os.Exit(1)
	}
}

type options struct {
	deep, list     bool
	world, without string
	limit          int
}

// run does what is asked for, and reports whether all came out as it should.
func (o options) run(out io.Writer) (kept bool, err error) {
	switch {
	case o.list:
		list(out)
		return true, nil
	case o.without != "":
		return o.leaveOut(out)
	case o.world != "":
		w, ok := model.Find(o.world)
		if !ok {
			return false, fmt.Errorf("there is no world %q; -list gives them", o.world)
		}
		return o.explore(out, []model.World{w}), nil
	}
	worlds := model.Worlds
	if o.deep {
		worlds = append(worlds[:len(worlds):len(worlds)], model.Deep...)
	}
	kept = o.explore(out, worlds)
	return o.needed(out) && kept, nil
}

func list(out io.Writer) {
	for _, w := range model.Worlds {
		fmt.Fprintln(out, "world:", w.Name)
	}
	for _, w := range model.Deep {
		fmt.Fprintln(out, "world:", w.Name)
	}
	for _, n := range model.Needed {
		fmt.Fprintln(out, "rule:", n.Rule)
	}
}

// explore prints a table of worlds with all rules.
func (o options) explore(out io.Writer, worlds []model.World) (kept bool) {
	kept = true
	fmt.Fprintf(out, "%-44s %12s %6s %9s  %s\n", "world", "states", "depth", "time", "")
	for _, w := range worlds {
		r := w.Run("", o.limit)
		result := "no violation"
		switch {
		case r.Broken != "":
			result, kept = r.String(), false
		case !r.Complete:
			result, kept = "not exhausted", false
		}
		fmt.Fprintf(out, "%-44s %12d %6d %9v  %s\n", w.Name, r.States, r.Depth, r.Took.Round(10*time.Millisecond), result)
	}
	return kept
}

// needed prints a table of rules left out.
func (o options) needed(out io.Writer) (kept bool) {
	kept = true
	fmt.Fprintf(out, "\n%-74s %5s %9s  %s\n", "without", "steps", "states", "broken")
	for _, n := range model.Needed {
		w, _ := model.Find(n.World)
		r := w.Run(n.Rule, o.limit)
		broken := string(r.Broken)
		if r.Broken != n.Broken {
			broken, kept = fmt.Sprintf("%q instead of %q", r.Broken, n.Broken), false
		}
		fmt.Fprintf(out, "%-74s %5d %9d  %s\n", n.Rule, len(r.Trace), r.States, broken)
	}
	return kept
}

// leaveOut prints how a promise is broken without one rule.
func (o options) leaveOut(out io.Writer) (kept bool, err error) {
	for _, n := range model.Needed {
		if !strings.HasPrefix(string(n.Rule), o.without) {
			continue
		}
		name := n.World
		if o.world != "" {
			name = o.world
		}
		w, ok := model.Find(name)
		if !ok {
			return false, fmt.Errorf("there is no world %q; -list gives them", name)
		}
		fmt.Fprintf(out, "world %q without %q: %v", name, n.Rule, w.Run(n.Rule, o.limit))
		return true, nil
	}
	return false, fmt.Errorf("there is no rule %q; -list gives them", explore.Rule(o.without))
}
