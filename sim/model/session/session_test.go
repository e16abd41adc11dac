package session

import (
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

func TestScenes(t *testing.T) {
	var m *Model
	scenes := explore.Scenes[state]{
		"an agent that is expired and does not know": func(s state) bool {
			f := s.fold(s.length)
			return s.agents[0].bears != 0 && !f.live[s.agents[0].bears]
		},
		"a registration under way whose process is gone": func(s state) bool {
			e := s.flight[0]
			return e.kind == register && s.agents[e.nonce.agent].life > e.nonce.life
		},
		"a registration that nobody bears": func(s state) bool {
			f := s.fold(s.length)
			return f.issued > 0 && f.bearer[1].agent == 0 && s.agents[0].life > f.bearer[1].life
		},
		"a client told unknown of what happened": func(s state) bool {
			return s.told[0] == unknown && s.isDecided(s.sent[0], s.length)
		},
		"a client told unknown of what did not": func(s state) bool {
			return s.told[0] == unknown && !s.isDecided(s.sent[0], s.length)
		},
		"a command decided after its process is gone": func(s state) bool {
			f := s.fold(s.length)
			k := s.sent[0]
			return s.isDecided(k, s.length) && s.agents[0].life > f.bearer[k.incarnation].life
		},
		"a verdict that is not kept any more": func(s state) bool {
			return s.told[0] == done && !s.isKept(s.sent[0], s.length)
		},
	}
	m = New(World{Agents: 2, Homes: []int{0, 0, 1}, Entries: 5, Flight: 2, Crashes: 1, Expired: 1}, "")
	if missing, r := scenes.Missing(m, 1<<22); len(missing) > 0 {
		t.Errorf("never came about: %v (%v)", missing, r)
	}
}
