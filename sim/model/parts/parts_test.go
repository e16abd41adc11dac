package parts

import (
	"maps"
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// TestReductions: reduce makes the world smaller, and it sees no less: which snapshots there are, whether they are late,
// and whether they have their parts.
func TestReductions(t *testing.T) {
	type outline struct {
		there, late [maxSnapshots + 1]uint8
		whole       [maxSnapshots + 1]bool
	}
	var seen [2]map[outline]bool
	var states [2]int
	for i, exact := range []bool{false, true} {
		m := New(World{Snapshots: 2, Makers: 2, Sweepers: 1, Half: 1, W: 2}, "")
		m.exact = exact
		seen[i] = map[outline]bool{}
		r := explore.Run(explore.Watch(m, func(s state) {
			var o outline
			for n, x := range s.snapshots {
				if x.there != 0 {
					o.there[n], o.late[n], o.whole[n] = 1, x.late, s.parts[x.part-1].there != 0
				}
			}
			seen[i][o] = true
		}), 1<<23)
		states[i] = r.States
		if r.Broken != "" || !r.Complete {
			t.Errorf("%v", r)
		}
	}
	t.Logf("%d states, %d without reductions, %d outlines", states[0], states[1], len(seen[0]))
	if states[0] >= states[1] || !maps.Equal(seen[0], seen[1]) {
		t.Errorf("%d outlines with reductions, %d without, or others", len(seen[0]), len(seen[1]))
	}
}

func TestScenes(t *testing.T) {
	scenes := explore.Scenes[state]{
		"a part that two snapshots share": func(s state) bool {
			return s.snapshots[2].there != 0 && s.snapshots[1].there != 0 && s.snapshots[1].part == s.snapshots[2].part
		},
		"a late snapshot": func(s state) bool { return s.snapshots[2].late != 0 },
		"a late snapshot that has lost its part": func(s state) bool {
			x := s.snapshots[3]
			return x.there != 0 && x.late != 0 && s.parts[x.part-1].there == 0
		},
		"a plan to delete the part of a maker's prior snapshot": func(s state) bool {
			base := s.snapshots[s.makers[0].base]
			return base.part != 0 && s.sweepers[0].parts&(1<<(base.part-1)) != 0
		},
		"a manifest under way past its deadline": func(s state) bool {
			return s.makers[0].phase == ready && s.makers[0].left == 0
		},
	}
	if missing, r := scenes.Missing(New(World{Snapshots: 3, Makers: 2, Sweepers: 1, Half: 1, W: 2}, ""), 1<<22); len(missing) > 0 {
		t.Errorf("never came about: %v (%v)", missing, r)
	}
}
