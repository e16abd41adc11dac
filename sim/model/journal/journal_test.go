package journal

import (
	"maps"
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// explored explores all of a world.
func explored(t *testing.T, m *Model, look func(s state)) explore.Result {
	t.Helper()
	r := explore.Run(explore.Watch(m, look), 1<<24)
	if r.Broken != "" || !r.Complete {
		t.Fatalf("%+v: %v", m.World, r)
	}
	return r
}

// outline is what the promises are about: what agents believe, what clients were told, and what happened. Chains are named
// by what they hold: their ids depend on the run.
type outline struct {
	told    [maxCommands]verdict
	request request
	slots   [maxAgents]uint8
	running [maxAgents]bool
	chains  [maxAgents]string
	journal string
}

// outliner makes outlines of one run's states.
type outliner struct {
	m     *Model
	names map[chainID]string
	seen  map[outline]bool
}

func (x *outliner) look(s state) {
	o := outline{told: s.told, request: s.request, journal: x.name(s.after[s.tail])}
	for i, a := range s.agents {
		o.slots[i], o.running[i], o.chains[i] = a.slot, a.phase == running, x.name(a.chain)
	}
	x.seen[o] = true
}

// name gives all the entries of a chain.
func (x *outliner) name(c chainID) string {
	name, ok := x.names[c]
	if !ok && c != genesis {
		last := x.m.chains[c].last
		name = x.name(x.m.entries[last].prev) + x.m.describeEntry(last)
		x.names[c] = name
	}
	return name
}

// TestReductions: reduce, which makes worlds some ten times smaller, makes none of them see less.
func TestReductions(t *testing.T) {
	for _, w := range []World{
		{Agents: 2, Homes: []int{0, 0, 1}, Slots: 3, Depth: 2, Puts: 2, Half: 1, W: 2},
		{Agents: 2, Homes: []int{0, 1}, Slots: 2, Depth: 1, Puts: 1, Snapshots: 1, Half: 1, W: 2, Pages: true, Recovery: true},
		{Agents: 2, Homes: []int{0, 0, 1}, Slots: 2, Depth: 2, Puts: 1, Snapshots: 1, Half: 1, W: 2, ReadAhead: true},
		{Agents: 2, Homes: []int{0, 1}, Slots: 2, Depth: 1, Puts: 1, Snapshots: 1, Half: 1, W: 2, Requests: 1},
	} {
		var seen [2]map[outline]bool
		var states [2]int
		for i, exact := range []bool{false, true} {
			m := New(w, "")
			m.exact = exact
			x := outliner{m, map[chainID]string{}, map[outline]bool{}}
			states[i] = explored(t, m, x.look).States
			seen[i] = x.seen
		}
		t.Logf("%d states, %d without reductions, %d outlines: %+v", states[0], states[1], len(seen[0]), w)
		if states[0] >= states[1] {
			t.Errorf("%+v: the reductions do nothing", w)
		}
		if !maps.Equal(seen[0], seen[1]) {
			t.Errorf("%+v: %d outlines with reductions, %d without, or others", w, len(seen[0]), len(seen[1]))
		}
	}
}

func TestScenes(t *testing.T) {
	var m *Model
	pipelining := explore.Scenes[state]{
		"a void entry in a slot": func(s state) bool {
			return s.tail > 0 && !m.valid(s.after[s.tail-1], s.first[s.tail])
		},
		"the later one of two pipelined entries created first": func(s state) bool {
			return s.first[s.tail+1] == nothing && s.first[s.tail+2] != nothing
		},
		"a success heard out of order, held": func(s state) bool { return s.agents[0].saw[1].marks&heard != 0 },
		"a command of an earlier life in the journal": func(s state) bool {
			o := m.chains[s.after[s.tail]].outcomes
			return len(o) > 0 && o[0].key.life() < s.agents[o[0].key.agent()].life
		},
	}
	truncation := explore.Scenes[state]{
		"a PUT under way to a slot that another has": func(s state) bool {
			e := s.flight[0]
			return e != nothing && s.slot[m.entries[e].slot] != nothing && s.slot[m.entries[e].slot] != e
		},
		"a slot created again after its deletion": func(s state) bool { return s.again != 0 },
		"a sighting of such a slot, waiting for a listing": func(s state) bool {
			w := s.agents[0].saw[0]
			return w.marks&wrong != 0 && w.entry != absent
		},
		"a snapshot deleted while an agent loads it": func(s state) bool {
			a := s.agents[0]
			return a.phase == loading && s.snap[a.found] == 0
		},
		"an agent behind a truncation": func(s state) bool {
			a := s.agents[0]
			return a.phase == running && a.slot < s.tail && s.slot[a.slot+1] == nothing
		},
	}
	for _, c := range []struct {
		w      World
		scenes explore.Scenes[state]
	}{
		{World{Agents: 2, Homes: []int{0, 0, 1}, Slots: 3, Depth: 2, Puts: 2, Crashes: 1, Half: 1, W: 2}, pipelining},
		{World{Agents: 2, Homes: []int{0, 0, 1}, Slots: 3, Depth: 2, Puts: 2, Snapshots: 2, Half: 1, W: 2}, truncation},
	} {
		m = New(c.w, "")
		if missing, r := c.scenes.Missing(m, 1<<24); len(missing) > 0 {
			t.Errorf("never came about: %v (%v)", missing, r)
		}
	}
}

func TestChains(t *testing.T) {
	m := New(World{}, "")
	first := m.id(entry{slot: 1, prev: genesis, outcomes: [maxCommands]outcome{{command: 0, key: newKey(0, 0, 1), verdict: 1}}})
	after := m.extend(genesis, first)
	if after == genesis || len(m.chains[after].outcomes) != 1 || m.extend(genesis, first) != after {
		t.Errorf("a valid entry leads to %+v", m.chains[after])
	}
	if void := m.id(entry{slot: 2, prev: genesis}); m.valid(after, void) || m.extend(after, void) != after {
		t.Errorf("an entry that does not continue the chain is not void")
	}
	for want, o := range map[promise]outcome{
		once:       {command: 0, key: newKey(1, 0, 1), verdict: 2},
		order:      {command: 1, key: newKey(0, 0, 3), verdict: 2},
		oneVerdict: {command: 1, key: newKey(0, 0, 2), verdict: 1},
		0:          {command: 1, key: newKey(0, 0, 2), verdict: 2},
	} {
		e := m.id(entry{slot: 2, prev: after, outcomes: [maxCommands]outcome{o}})
		if got := m.chains[m.extend(after, e)].broken; got != want {
			t.Errorf("%+v after the first: broken %d, want %d", o, got, want)
		}
	}
}
