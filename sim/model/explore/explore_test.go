package explore

import (
	"fmt"
	"slices"
	"testing"
)

// jugs is an old riddle: two jugs, of 3 and 5 litres, a tap and a drain. Its states are what is in them.
type jugs struct {
	bad [2]uint8 // what Check calls broken
}

var sizes = [2]uint8{3, 5}

func (jugs) Start() [2]uint8 { return [2]uint8{} }

func (jugs) Steps(s [2]uint8, emit func(Step, [2]uint8)) {
	for i := range s {
		n := s
		n[i] = sizes[i]
		emit(Step{Text: "fill the {who}", Who: sizes[i]}, n)
		n[i] = 0
		emit(Step{Text: "empty the {who}", Who: sizes[i]}, n)
		n = s
		poured := min(s[i], sizes[1-i]-s[1-i])
		n[i], n[1-i] = s[i]-poured, s[1-i]+poured
		emit(Step{Text: "pour {n} from the {who}", Who: sizes[i], N: poured}, n)
	}
}

func (j jugs) Check(s [2]uint8) Verdict {
	if s == j.bad {
		return Verdict{Broken: "riddle", Detail: fmt.Sprint(s)}
	}
	return Kept
}

func (jugs) Describe(s Step) string { return s.Fill(fmt.Sprint(s.Who), "") }

func TestShortestTrace(t *testing.T) {
	r := Run(jugs{bad: [2]uint8{0, 4}}, 100)
	want := []string{"fill the 5", "pour 3 from the 5", "empty the 3", "pour 2 from the 5", "fill the 5", "pour 1 from the 5", "empty the 3"}
	if r.Broken != "riddle" || r.Depth != len(want) || !slices.Equal(r.Trace, want) {
		t.Errorf("%v, depth %d, %q", r, r.Depth, r.Trace)
	}
}

func TestAllStates(t *testing.T) {
	if r := Run(jugs{bad: [2]uint8{9, 9}}, 100); r.Broken != "" || !r.Complete || r.States != 16 || r.Depth != 7 {
		t.Errorf("%+v; want all 16 states, the last in 7 steps", r)
	}
}

func TestBrokenStart(t *testing.T) {
	if r := Run(jugs{}, 100); r.Broken != "riddle" || len(r.Trace) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestLimit(t *testing.T) {
	if r := Run(jugs{bad: [2]uint8{9, 9}}, 5); r.Broken != "" || r.Complete || r.States > 10 {
		t.Errorf("%+v", r)
	}
}

func TestFingerprints(t *testing.T) {
	var set fingerprints
	for f := range uint64(20_000) {
		if fresh := set.add(f * 0x9e3779b97f4a7c15); !fresh {
			t.Fatalf("%d was taken for another", f)
		}
	}
	for f := range uint64(20_000) {
		if set.add(f * 0x9e3779b97f4a7c15) {
			t.Fatalf("%d was forgotten", f)
		}
	}
}

func TestQueue(t *testing.T) {
	var q queue[int]
	pushed, popped := 0, 0
	for _, n := range []int{3, chunk, 2*chunk + 1, 5} {
		for range n {
			q.push(pushed)
			pushed++
		}
		for range n - 1 {
			if got := q.pop(); got != popped {
				t.Fatalf("popped %d, want %d", got, popped)
			}
			popped++
		}
		if q.len() != pushed-popped {
			t.Fatalf("%d left, want %d", q.len(), pushed-popped)
		}
	}
}
