package sim

import (
	"slices"
	"strings"
	"time"
)

const (
	// shrinkSeeds is how many seeds a smaller run is given to fail: it draws its fate in another order than the larger one
	// did. It has to fail with half as many of them as the run that is shrunk, so that what is kept fails easily.
	shrinkSeeds = 8
	// shrinkRounds bounds how often all kinds of reductions are gone through: the second finds little, the third next to nothing.
	shrinkRounds = 3
	chaosMin     = 5 * time.Second
)

// shrinker makes a failing run smaller.
type shrinker struct {
	run   func(Options) *Result
	tell  func(what string)
	check string
	need  int // of shrinkSeeds, how many must fail
	best  Options
	shown *Result
}

// Shrink looks for a smaller run that breaks the same promise as o does (of several, the first): with fewer agents and
// clients, for a shorter time, with fewer kinds of faults, and with as few steps of the torment as will do. run runs options;
// tell is told of every success. It gives the case, or false if o does not fail.
//
// A smaller run is another run. That it breaks the same promise is known; that it does so for the same reason is likely.
func Shrink(o Options, run func(Options) *Result, tell func(what string)) (Case, bool) {
	r := run(o)
	check, said := r.Broken()
	if check == "" {
		return Case{}, false
	}
	k := &shrinker{run: run, tell: tell, check: check, best: o, shown: r}
	failing := 0
	for range shrinkSeeds {
		if k.fails(o) != nil {
			failing++
		}
		o.Seed++
	}
	k.need = max(1, failing/2)
	for range shrinkRounds {
		before := k.best
		k.time()
		k.numbers()
		k.switches()
		k.parts()
		k.steps()
		if same(before, k.best) {
			break
		}
	}
	_, said = k.shown.Broken()
	return Case{Found: check, Said: said, Options: k.best}, true
}

// Broken gives the first promise that was broken, and what is said of it; "" if all were kept.
func (r *Result) Broken() (check, said string) {
	switch {
	case len(r.Violations) > 0:
		return r.Violations[0].Check, r.Violations[0].Text
	case r.Err != nil:
		return "crash", firstLine(r.Err.Error())
	}
	return "", ""
}

// try takes smaller over if it fails as well, with its seed or some of those that follow.
func (k *shrinker) try(what string, smaller Options) bool {
	n, o := 0, smaller
	var shown *Result
	for left := shrinkSeeds; n < k.need && n+left >= k.need; left-- {
		if r := k.fails(o); r != nil {
			if n++; n == 1 {
				smaller, shown = o, r
			}
		}
		o.Seed++
	}
	if n < k.need {
		return false
	}
	k.best, k.shown = smaller, shown
	k.tell(what)
	return true
}

// fails runs o and gives the result if it is the failure that is looked for, else nil.
func (k *shrinker) fails(o Options) *Result {
	r := k.run(o)
	if check, _ := r.Broken(); check != k.check {
		return nil
	}
	return r
}

// time ends the torment where it was enough, and halves it as long as that goes.
func (k *shrinker) time() {
	if len(k.shown.Violations) > 0 {
		if o := k.best; k.shown.Violations[0].At < o.Chaos {
			o.Chaos = k.shown.Violations[0].At.Truncate(time.Second) + time.Second
			k.try("shorter", o)
		}
	}
	for o := k.best; o.Chaos/2 >= chaosMin; o = k.best {
		o.Chaos = (o.Chaos / 2).Round(time.Second)
		if !k.try("half the time", o) {
			return
		}
	}
}

// numbers lowers how many there are of a kind, one by one.
func (k *shrinker) numbers() {
	for _, n := range []struct {
		what  string
		field func(*Options) *int
	}{
		{"fewer agents", func(o *Options) *int { return &o.Agents }},
		{"fewer producers", func(o *Options) *int { return &o.Producers }},
		{"fewer partitions", func(o *Options) *int { return &o.Partitions }},
	} {
		for o := k.best; *n.field(&o) > 1; o = k.best {
			*n.field(&o)--
			if !k.try(n.what, o) {
				break
			}
		}
	}
}

// switches turns off what complicates the world.
func (k *shrinker) switches() {
	for _, s := range []struct {
		what  string
		field func(*Options) *bool
	}{
		{"no whole agents", func(o *Options) *bool { return &o.Whole }},
		{"no folder", func(o *Options) *bool { return &o.Folder }},
		{"a steady clock", func(o *Options) *bool { return &o.Unsteady }},
		{"no loner", func(o *Options) *bool { return &o.Loner }},
		{"no peers", func(o *Options) *bool { return &o.Peers }},
	} {
		if o := k.best; *s.field(&o) {
			*s.field(&o) = false
			k.try(s.what, o)
		}
	}
}

// parts leaves out clients and kinds of faults.
func (k *shrinker) parts() {
	for _, part := range Parts() {
		if o := k.best; !slices.Contains(o.Off, part) {
			o.Off = append(slices.Clone(o.Off), part)
			k.try("without "+part, o)
		}
	}
}

// steps leaves out steps of the torment: all of them, else halves, quarters … of those that are left.
func (k *shrinker) steps() {
	o := k.best
	o.Steps = []int{}
	if len(k.best.Steps) == 0 && k.best.Steps != nil || k.try("no torment", o) {
		return
	}
	if k.best.Steps == nil {
		o = k.best
		for i := range k.shown.Steps {
			o.Steps = append(o.Steps, i)
		}
		k.best = o // the same run, by name
	}
	for size := (len(k.best.Steps) + 1) / 2; size > 0; size /= 2 {
		for at := 0; at < len(k.best.Steps); {
			o := k.best
			o.Steps = append(append([]int{}, o.Steps[:at]...), o.Steps[min(at+size, len(o.Steps)):]...) // never nil
			if !k.try("fewer steps", o) {
				at += size
			}
		}
	}
}

func same(a, b Options) bool {
	return (&Case{Options: a}).String() == (&Case{Options: b}).String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
