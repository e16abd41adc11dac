package riders

import (
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

func TestScenes(t *testing.T) {
	scenes := explore.Scenes[state]{
		"a slot that a snapshot stands for and something rides in": func(s state) bool {
			return s.slots&s.riding(s.end) != 0 && s.covers == s.end && s.sweepers[0].busy != 0
		},
		"what rode has landed, and its slot is gone": func(s state) bool {
			fates, _ := s.after(s.end)
			return fates[1].kind == lands && s.slots&of(1) == 0
		},
		"two files for the same rider": func(s state) bool {
			return s.landers[0].there+s.landers[1].there == 2 && s.landers[0].riders&s.landers[1].riders != 0
		},
		"a rider deleted before its file is named": func(s state) bool { return s.landers[0].phase == chosen && s.landers[0].riders&^s.riding(s.end) != 0 },
		"an orphan that is deleted": func(s state) bool {
			return s.landers[0].doomed != 0 && s.landers[0].there == 0 && s.landers[0].phase == chosen
		},
		"a sweeper that is behind": func(s state) bool { return s.sweepers[0].upTo > 0 && s.sweepers[0].by+1 < s.end },
	}
	if missing, r := scenes.Missing(New(World{Slots: 4, Landers: 2, Sweepers: 1}, ""), 1<<22); len(missing) > 0 {
		t.Errorf("never came about: %v (%v)", missing, r)
	}
}
