package session

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// checkRecovery: once faults end any agent, alone, comes to be registered, and its clients get their replies.
func (m *Model) checkRecovery(s state) explore.Verdict {
	calm := *m
	calm.Entries, calm.Flight = maxEntries, 1
	s.flight = [maxFlight]event{}
	for i := range m.Agents {
		if !calm.recovers(s, i) {
			return explore.Verdict{Broken: Recovers, Detail: fmt.Sprintf("agent %d is stuck", i)}
		}
	}
	return explore.Kept
}

func (m *Model) recovers(s state, i int) bool {
	for range 4 * maxEntries {
		before := s
		take := func(_ explore.Step, next state) { // the first that can be done and is not a repeat
			if s == before && !s.isDecided(next.flight[0].key, s.length) {
				s = next
			}
		}
		switch a := s.agents[i]; {
		case s.flight[0].kind != none:
			m.land(s, take)
		case a.at < s.length:
			m.read(s, i, take)
		case a.bears == 0:
			m.register(s, i, take)
		case m.answered(&s, i):
			f := s.fold(a.at)
			return f.live[a.bears]
		default:
			m.write(s, i, take)
		}
		if s == before {
			return false
		}
	}
	return false
}

// answered: nobody waits for a reply from this process.
func (m *Model) answered(s *state, i int) bool {
	for c, home := range m.Homes {
		if home == i && s.told[c] == 0 && s.sent[c].incarnation == s.agents[i].bears {
			return false
		}
	}
	return true
}
