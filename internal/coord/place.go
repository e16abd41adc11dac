package coord

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// Coordinator names the agent that clients of this agent group are sent to for a group: the one that tends most of its
// members, else the winner of a rendezvous hash. 0: none, as this agent is not registered.
//
// An agent that counts as idle has promised to be heard of only every few minutes and may be long dead, so it is not
// named: whoever asks can reach this agent for certain, and any agent serves any group.
func (c *Coord) Coordinator(name string) base.Incarnation {
	v, self := c.journal.View(), c.journal.Self()
	if self == 0 {
		return 0
	}
	now := max(c.journal.Now(), v.Time)
	near := func(i base.Incarnation) bool {
		a, ok := v.Admin.Agent(i)
		return i == self || ok && a.Group == c.group && !a.Idle && serves(v, i, self, now)
	}
	if t := mostTending(v.Groups.Get(name), near); t != 0 {
		return t
	}
	best := self
	for _, a := range v.Admin.Agents() {
		if near(a.Incarnation) && score(name, a.Incarnation) > score(name, best) {
			best = a.Incarnation
		}
	}
	return best
}

// mostTending gives the agent, of those that may be, that tends most members; of equals the one that is met first. 0: none.
func mostTending(g *group.Group, may func(base.Incarnation) bool) base.Incarnation {
	counts := map[base.Incarnation]int{}
	best := base.Incarnation(0)
	for _, m := range g.Members() {
		counts[m.Tender]++
		if m.Tender != best && counts[m.Tender] > counts[best] && may(m.Tender) {
			best = m.Tender
		}
	}
	return best
}

// serves reports whether an agent is taken to be alive: this one, or one that has not broken its promise to be heard of.
func serves(v meta.View, i, self base.Incarnation, now base.Millis) bool {
	a, ok := v.Admin.Agent(i)
	return i == self || ok && now <= a.RenewBy
}

// rank says how many agents come before this one in caring for a group that nobody tends: the order of the rendezvous
// hash, over all agents.
func rank(v meta.View, name string, self base.Incarnation, now base.Millis) int {
	before, own := 0, score(name, self)
	for _, a := range v.Admin.Agents() {
		if a.Incarnation != self && now <= a.RenewBy && score(name, a.Incarnation) > own {
			before++
		}
	}
	return before
}

// score is the weight of an agent for a group in rendezvous hashing: FNV-1a, finished so that every bit counts.
func score(name string, i base.Incarnation) uint64 {
	h := uint64(14695981039346656037)
	for n := range len(name) {
		h = (h ^ uint64(name[n])) * 1099511628211
	}
	h ^= uint64(i) * 0x9E3779B97F4A7C15
	h = (h ^ h>>33) * 0xFF51AFD7ED558CCD
	h = (h ^ h>>33) * 0xC4CEB9FE1A85EC53
	return h ^ h>>33
}
