package cluster

import (
	"fmt"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// Check holds a state against the promises. They are about agents that came to the prefix after it was wiped, if it was:
// the others are to do no harm to them.
func (m *Model) Check(s state) explore.Verdict {
	if s.over != 0 {
		return explore.Verdict{Broken: NotOver, Detail: "by the last step"}
	}
	for i, a := range s.agents {
		if a.obeys == 0 || a.era != now {
			continue
		}
		for n := uint8(1); n <= a.at; n++ {
			if w := a.chain.writer(n); w != 0 && s.agents[w-1].obeys != a.obeys {
				return explore.Verdict{Broken: OwnEntries, Detail: fmt.Sprintf("agent %d takes slot %d, by agent %d, for valid", i, n, w-1)}
			}
		}
		for j, b := range s.agents[:i] {
			if b.obeys == 0 || b.era != now {
				continue
			}
			if b.obeys != a.obeys {
				return explore.Verdict{Broken: OneCluster, Detail: fmt.Sprintf("agents %d and %d do not", j, i)}
			}
			if n := min(a.at, b.at); a.chain.upTo(n) != b.chain.upTo(n) {
				return explore.Verdict{Broken: Agree, Detail: fmt.Sprintf("agents %d and %d do not, up to slot %d", j, i, n)}
			}
		}
	}
	return explore.Kept
}
