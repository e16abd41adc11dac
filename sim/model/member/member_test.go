package member

import (
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

func TestScenes(t *testing.T) {
	scenes := explore.Scenes[state]{
		"a tender that is expired and lives": func(s state) bool {
			v := s.fold(s.length)
			return !v.isLive(v.tender) && s.agents[v.tender.agent].asleep == awake
		},
		"a member adopted back by a later life of its first tender": func(s state) bool {
			v := s.fold(s.length)
			return v.tender.agent == 0 && v.tender.life > 1
		},
		"a member that beats another tender than before": func(s state) bool {
			return s.to == 1 && s.beaten == 1 && s.gone == 0 && s.agents[1].quiet == 0
		},
		"a tender that stalled for a session": func(s state) bool {
			return s.agents[0].asleep == stalled && s.agents[0].quiet == 4
		},
		"a session that is over": func(s state) bool {
			v := s.fold(s.length)
			return v.out
		},
	}
	if missing, r := scenes.Missing(New(World{Agents: 2, Entries: 5, Session: 4, Expired: 2}, ""), 1<<22); len(missing) > 0 {
		t.Errorf("never came about: %v (%v)", missing, r)
	}
}
