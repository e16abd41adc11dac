package session

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// Check holds a state against the promises.
func (m *Model) Check(s state) explore.Verdict {
	for _, v := range []explore.Verdict{m.checkBearers(&s), m.checkLog(&s), m.checkReplies(&s), m.checkRecovery(s)} {
		if v != explore.Kept {
			return v
		}
	}
	return explore.Kept
}

// checkBearers: what a process takes for its incarnation was issued to it, and to nobody else since.
func (m *Model) checkBearers(s *state) explore.Verdict {
	f := s.fold(s.length)
	for i := range m.Agents {
		if a := s.agents[i]; a.bears != 0 && f.bearer[a.bears] != (nonce{uint8(i), a.life}) {
			return explore.Verdict{Broken: OneBearer, Detail: fmt.Sprintf("agent %d bears incarnation %d, which is another process's", i, a.bears)}
		}
	}
	return explore.Kept
}

// checkLog: what happened is in order, once, and nothing after the end of its session.
func (m *Model) checkLog(s *state) explore.Verdict {
	var last [maxIssued + 1]uint8
	var gone [maxIssued + 1]bool
	seen := 0
	for _, e := range s.log[:s.length] {
		x := e.key.incarnation
		switch {
		case e.kind == expire:
			gone[e.incarnation] = true
			continue
		case e.kind != command:
			continue
		case seen&(1<<e.command) != 0:
			return explore.Verdict{Broken: Once, Detail: fmt.Sprintf("c%d is there twice", e.command)}
		case gone[x]:
			return explore.Verdict{Broken: GoneStays, Detail: fmt.Sprintf("c%d of incarnation %d", e.command, x)}
		case e.key.number != last[x]+1:
			return explore.Verdict{Broken: Order, Detail: fmt.Sprintf("command %d of incarnation %d after %d", e.key.number, x, last[x])}
		}
		last[x] = e.key.number
		seen |= 1 << e.command
	}
	return explore.Kept
}

// checkReplies: what is done is in the log. What is failed is not, and never will be; of the unknown nothing is claimed.
func (m *Model) checkReplies(s *state) explore.Verdict {
	for c := range m.Homes {
		there := s.isDecided(s.sent[c], s.length)
		if told := s.told[c]; told == done && !there || told == failed && there {
			return explore.Verdict{Broken: TrueReply, Detail: fmt.Sprintf("c%d: told %d, in the log: %t", c, told, there)}
		}
	}
	return explore.Kept
}
