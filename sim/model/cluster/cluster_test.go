package cluster

import (
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

func TestScenes(t *testing.T) {
	wiped := explore.Scenes[state]{
		"two founders at once": func(s state) bool { return s.founding[0] != 0 && s.founding[1] != 0 },
		"a founder who obeys another": func(s state) bool {
			return s.agents[1].foundings > 0 && s.agents[1].obeys.founder() == 0 && s.agents[1].phase == running
		},
		"an entry of the old cluster in the new one's journal": func(s state) bool {
			return s.slot[1].era == before && s.cluster.names != 0 && s.cluster.era == now
		},
		"an agent of the new cluster past such an entry": func(s state) bool {
			a := s.agents[1]
			return a.phase == running && a.era == now && a.at >= 1 && a.chain.writer(1) == 0
		},
	}
	lost := explore.Scenes[state]{
		"a journal without cluster.json, truncated": func(s state) bool {
			return s.lost != 0 && s.isEmpty(journalFolder) && !s.isEmpty(snapshotFolder)
		},
		"a founder who looks at that": func(s state) bool {
			return s.lost != 0 && s.isEmpty(journalFolder) && s.agents[1].phase == looking2
		},
	}
	for _, c := range []struct {
		w      World
		scenes explore.Scenes[state]
	}{
		{World{Agents: 2, Slots: 2, Wipe: true}, wiped},
		{World{Agents: 2, Slots: 2, Lose: true}, lost},
	} {
		if missing, r := c.scenes.Missing(New(c.w, ""), 1<<22); len(missing) > 0 {
			t.Errorf("%+v: never came about: %v (%v)", c.w, missing, r)
		}
	}
}
