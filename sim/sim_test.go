package sim

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// The standard seeds. MILLRACE_SIM_SEEDS="FROM..TO" runs others: one to replay it, thousands to soak.
const seedsDefault = "0..199"

// eventsMin is how many events a run has to have on average: each is several task switches.
const eventsMin = 10_000

func seeds(t *testing.T) (from, to uint64) {
	text := os.Getenv("MILLRACE_SIM_SEEDS")
	if text == "" {
		text = seedsDefault
	}
	a, b, _ := strings.Cut(text, "..")
	from, err := strconv.ParseUint(a, 10, 64)
	if to = from; err == nil && b != "" {
		to, err = strconv.ParseUint(b, 10, 64)
	}
	if err != nil {
		t.Fatalf("MILLRACE_SIM_SEEDS=%q: write a seed, or FROM..TO", text)
	}
	return from, to
}

// TestStandardSeeds: with every fault there is, no promise is broken; and every fault and rare path happened.
func TestStandardSeeds(t *testing.T) {
	from, to := seeds(t)
	marks, events, acked := Marks{}, 0, 0
	Seeds(from, to, runtime.GOMAXPROCS(0), func(seed uint64) *Result { return Run(Standard(seed)) }, func(r *Result) bool {
		if r.Failed() {
			t.Errorf("%v", r)
		}
		marks.Merge(r.Marks)
		events += r.Events
		acked += r.Acked
		return true
	})
	t.Logf("seeds %d to %d: %d events, %d records acknowledged; marks:\n%v", from, to, events, acked, marks)
	if os.Getenv("MILLRACE_SIM_SEEDS") != "" {
		return
	}
	if seeds := int(to - from + 1); events < seeds*eventsMin {
		t.Errorf("%d events in %d seeds: too few to be worth much", events, seeds)
	}
	if missing := marks.Missing(); len(missing) > 0 {
		t.Errorf("never happened, so never tested: %q", missing)
	}
}

// TestASeedReplays: two runs of a seed are the same, task switch by task switch and word by word.
func TestASeedReplays(t *testing.T) {
	for seed := range uint64(5) { // 3 and 4 run whole agents
		if a, b := Run(Standard(seed)), Run(Standard(seed)); a.Digest != b.Digest {
			t.Errorf("two runs of seed %d differ", seed)
		}
	}
}
