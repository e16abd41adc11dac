package explore

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// Model is something to explore. S is a state: a value, without pointers, that is all there is to know. Given the same
// states in the same order a Model gives the same steps in the same order.
type Model[S comparable] interface {
	// Start is the first state.
	Start() S
	// Steps calls emit for everything that can happen next.
	Steps(s S, emit func(Step, S))
	// Check names the promise that s breaks, with what breaks it; Kept if none.
	Check(s S) Verdict
	// Describe says in words what a step was.
	Describe(Step) string
}

// Step is one thing that happened. Its text has places for the other fields, which the Model fills in when a trace is
// printed: nothing is formatted for the millions of steps that nobody reads.
type Step struct {
	Text string
	Who  uint8  // {who}: an agent
	N    uint8  // {n}: a number, of a slot mostly
	What uint16 // {what}: an entry, a command
}

// Fill puts the fields of a step into its text.
func (s Step) Fill(who, what string) string {
	return strings.NewReplacer("{who}", who, "{n}", fmt.Sprint(s.N), "{what}", what).Replace(s.Text)
}

// Promise is something that must hold in every state.
type Promise string

// Rule is something in the design that a Model can be run without, to see that it is needed.
type Rule string

// Verdict is what Check says of a state.
type Verdict struct {
	Broken Promise // "": none
	Detail string
}

// Kept is the verdict on a state that breaks nothing.
var Kept = Verdict{}

// Result says what came of a run.
type Result struct {
	Verdict
	Trace    []string // how to break it, a shortest way
	States   int
	Depth    int // steps from the start to the farthest state seen
	Complete bool
	Took     time.Duration
}

func (r Result) String() string {
	size := fmt.Sprintf("%d states, depth %d, %v", r.States, r.Depth, r.Took.Round(10*time.Millisecond))
	if r.Broken == "" {
		if !r.Complete {
			return "not exhausted: " + size
		}
		return "no violation: " + size
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%s)\n", r.Broken, r.Detail, size)
	for i, step := range r.Trace {
		fmt.Fprintf(&b, "  %2d. %s\n", i+1, step)
	}
	return b.String()
}

// search is one run. States are numbered in the order they were found.
type search[S comparable] struct {
	model  Model[S]
	seed   maphash.Seed
	seen   fingerprints
	parent []uint32 // by number: the state it was found from …
	nth    []uint16 // … and the how-manieth step of that one led here
	found  queue[S] // states not gone on from yet, in order of number
}

// Run explores m until it has seen all states, or one that breaks a promise, or more than limit.
func Run[S comparable](m Model[S], limit int) Result {
	began := time.Now()
	x := &search[S]{model: m, seed: maphash.MakeSeed()}
	r := x.run(limit)
	r.States, r.Took = len(x.parent), time.Since(began)
	return r
}

func (x *search[S]) run(limit int) (r Result) {
	start := x.model.Start()
	x.add(start, 0, 0)
	if r.Verdict = x.model.Check(start); r.Broken != "" {
		return r
	}
	for number, levelEnd := 0, 1; number < len(x.parent) && len(x.parent) <= limit; number++ {
		if number == levelEnd {
			levelEnd = len(x.parent)
			r.Depth++
		}
		from, nth := x.found.pop(), 0
		x.model.Steps(from, func(_ Step, s S) {
			if r.Broken == "" && x.add(s, number, nth) {
				if r.Verdict = x.model.Check(s); r.Broken != "" {
					r.Trace = x.trace(len(x.parent) - 1)
				}
			}
			nth++
		})
		if r.Broken != "" {
			r.Depth = len(r.Trace)
			return r
		}
	}
	r.Complete = x.found.len() == 0
	return r
}

// add notes a state, found as the nth step from another; false: it was known.
func (x *search[S]) add(s S, parent, nth int) bool {
	if !x.seen.add(maphash.Comparable(x.seed, s)) {
		return false
	}
	x.parent, x.nth = append(x.parent, uint32(parent)), append(x.nth, uint16(nth))
	x.found.push(s)
	return true
}

// trace walks from the start to the state of that number again, and says what happens on the way.
func (x *search[S]) trace(number int) (steps []string) {
	var path []uint16
	for ; number != 0; number = int(x.parent[number]) {
		path = append(path, x.nth[number])
	}
	s := x.model.Start()
	for _, want := range slices.Backward(path) {
		from, nth := s, uint16(0)
		x.model.Steps(from, func(step Step, next S) {
			if nth == want {
				s = next
				steps = append(steps, x.model.Describe(step))
			}
			nth++
		})
	}
	return steps
}
