package member

import "github.com/millrace-io/millrace/sim/model/explore"

// findsOut: with the member gone and all others asleep for good, agent i comes to end its session.
func (m *Model) findsOut(s state, i int) bool {
	calm := *m
	calm.Expired = 255
	s.gone, s.beaten, s.failed = 1, 0, 0
	for k := range m.Agents {
		s.agents[k].asleep = stalled
	}
	s.agents[i].asleep = awake
	if int(s.length)+4 > maxEntries {
		return true // there is no room to find out
	}
	for range 2 * maxEntries {
		v := s.fold(s.agents[i].at)
		if v.out {
			return true
		}
		before := s
		take := func(_ explore.Step, next state) { s = next }
		switch a := s.agents[i]; {
		case a.at < s.length:
			calm.read(s, i, take)
		case !v.isLive(s.self(i)):
			calm.register(s, i, take)
		case v.tender == s.self(i) && int(a.quiet) >= m.Session:
			calm.expel(s, i, take)
		case v.tender == s.self(i):
			calm.tick(s, take)
		case v.isLive(v.tender):
			s.expired = 0
			calm.append(&s, expire, v.tender)
		default:
			calm.adopt(s, i, take)
		}
		if s == before {
			return false
		}
	}
	return false
}
