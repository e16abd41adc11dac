package chaos

import (
	"slices"
	"testing"
	"time"
)

func TestTheSeedDrawsThePlan(t *testing.T) {
	for _, length := range []time.Duration{0, time.Hour} {
		a, b, c := drawPlan(7, length), drawPlan(7, length), drawPlan(8, length)
		if a.String() != b.String() || !slices.EqualFunc(a.changes, b.changes, sameChange) {
			t.Error("one seed, two plans")
		}
		if a.String() == c.String() {
			t.Error("two seeds, one plan")
		}
	}
}

func sameChange(a, b change) bool {
	return a.at == b.at && a.way == b.way && a.weather.String() == b.weather.String()
}

func TestAShortPlanHasEveryActOnceAndAllWeather(t *testing.T) {
	for seed := range uint64(100) {
		p, acts, seen := drawPlan(seed, 0), map[act]int{}, map[string]bool{}
		var total time.Duration
		for _, s := range p.steps {
			acts[s.act]++
			total += s.lasts + s.rest
			if s.agent == s.other {
				t.Errorf("seed %d: %s meets one agent twice", seed, s)
			}
		}
		for _, c := range p.changes {
			seen[c.climate] = true
		}
		for a := range short {
			if acts[a] != 1 {
				t.Errorf("seed %d does %q %d times", seed, a, acts[a])
			}
		}
		if len(acts) != len(short) || len(seen) != len(climates) || total > 40*time.Second {
			t.Errorf("seed %d: %d acts, %d climates, %v", seed, len(acts), len(seen), total)
		}
	}
}

func TestALongPlanHasEveryAct(t *testing.T) {
	p, acts := drawPlan(1, time.Hour), map[act]bool{}
	for _, s := range p.steps {
		acts[s.act] = true
		if s.lasts > long[s.act].most || s.lasts < long[s.act].least {
			t.Errorf("%s lasts other than %v", s, long[s.act])
		}
	}
	if len(acts) != len(order) || len(order) != len(long) {
		t.Errorf("an hour has %d acts of %d", len(acts), len(order))
	}
	if last := p.changes[len(p.changes)-1]; last.at < 59*time.Minute {
		t.Errorf("the weather changes for the last time after %v", last.at)
	}
}
