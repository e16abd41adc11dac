package main

import (
	"bufio"
	"fmt"
	"math"
	"time"

	"github.com/millrace-io/millrace/sim"
)

// soak runs seeds until one fails, or until end. It says a line a minute.
func (s *settings) soak(out *bufio.Writer, end time.Time) (kept bool, err error) {
	from := s.from
	if from == 0 {
		from = uint64(time.Now().Unix()) * 1000 // a soak of some hours ends long before where the next begins
	}
	marks, seeds, said := sim.Marks{}, 0, time.Now()
	var failed *sim.Result
	s.say(out, "seeds from %d, %d at once, until %s", from, s.jobs, end.Format(time.TimeOnly))
	sim.Seeds(from, math.MaxUint64, s.jobs, func(seed uint64) *sim.Result { return sim.Run(sim.Standard(seed)) }, func(r *sim.Result) bool {
		seeds++
		marks.Merge(r.Marks)
		if r.Failed() {
			failed = r
			return false
		}
		if time.Since(said) >= time.Minute {
			said = time.Now()
			s.say(out, "%d seeds, up to %d", seeds, r.Seed)
		}
		return time.Now().Before(end)
	})
	s.say(out, "%v%d seeds from %d on", marks, seeds, from)
	if failed == nil {
		return true, nil
	}
	s.say(out, "%v", failed)
	return s.shrinkOne(out, sim.Standard(failed.Seed), sim.Run, "")
}

// say prints a line at once.
func (s *settings) say(out *bufio.Writer, format string, args ...any) {
	fmt.Fprintf(out, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
	_ = out.Flush()
}

// shrinkOne makes a run that fails smaller and keeps it.
func (s *settings) shrinkOne(out *bufio.Writer, o sim.Options, run func(sim.Options) *sim.Result, plant string) (kept bool, err error) {
	tries := 0
	c, failed := sim.Shrink(o, func(o sim.Options) *sim.Result {
		tries++
		return run(o)
	}, func(what string) { s.say(out, "%s", what) })
	if !failed {
		s.say(out, "seed %d does not fail: there is nothing to shrink", o.Seed)
		return true, nil
	}
	c.Plant = plant
	path, err := c.Write(s.keep)
	if err != nil {
		return false, err
	}
	s.say(out, "after %d runs, kept in %s:\n%vreplay with: go run ./cmd/millrace-sim -log -case %s", tries, path, &c, path)
	return false, nil
}
