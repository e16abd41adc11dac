package model

import (
	"github.com/millrace-io/millrace/sim/model/cluster"
	"github.com/millrace-io/millrace/sim/model/explore"
	"github.com/millrace-io/millrace/sim/model/journal"
	"github.com/millrace-io/millrace/sim/model/member"
	"github.com/millrace-io/millrace/sim/model/parts"
	"github.com/millrace-io/millrace/sim/model/session"
)

// World is a model with bounds.
type World struct {
	Name string
	// Run explores the world without that rule ("": with all of them) until all is seen, or more states than limit.
	Run func(without explore.Rule, limit int) explore.Result
}

func journalWorld(name string, w journal.World) World {
	if w.W == 0 {
		w.Half, w.W = 1, 2
	}
	return World{name, func(r explore.Rule, limit int) explore.Result { return explore.Run(journal.New(w, r), limit) }}
}

func sessionWorld(name string, w session.World) World {
	return World{name, func(r explore.Rule, limit int) explore.Result { return explore.Run(session.New(w, r), limit) }}
}

func clusterWorld(name string, w cluster.World) World {
	return World{name, func(r explore.Rule, limit int) explore.Result { return explore.Run(cluster.New(w, r), limit) }}
}

func memberWorld(name string, w member.World) World {
	return World{name, func(r explore.Rule, limit int) explore.Result { return explore.Run(member.New(w, r), limit) }}
}

func partsWorld(name string, w parts.World) World {
	w.Half, w.W = 1, 2
	return World{name, func(r explore.Rule, limit int) explore.Result { return explore.Run(parts.New(w, r), limit) }}
}

// Commands by the agent whose client sends them: one each, or two of the first agent's.
var (
	two      = []int{0, 1}
	twoOfOne = []int{0, 0, 1}
	three    = []int{0, 1, 2}
)

// Worlds are those that CI explores.
var Worlds = []World{
	journalWorld("pipelining", journal.World{Agents: 3, Homes: []int{0, 1, 2, 0}, Slots: 4, Depth: 2, Puts: 3, Crashes: 1}),
	journalWorld("crashes", journal.World{Agents: 3, Homes: three, Slots: 3, Depth: 2, Puts: 2, Crashes: 2}),
	journalWorld("truncation", journal.World{Agents: 2, Homes: twoOfOne, Slots: 3, Depth: 2, Puts: 2, Snapshots: 2}),
	journalWorld("truncation, a crash", journal.World{Agents: 2, Homes: twoOfOne, Slots: 3, Depth: 2, Puts: 2, Snapshots: 1, Crashes: 1}),
	journalWorld("truncation, three agents", journal.World{Agents: 3, Homes: three, Slots: 3, Depth: 1, Puts: 1, Snapshots: 1}),
	journalWorld("truncation, three agents, a crash", journal.World{Agents: 3, Homes: three, Slots: 2, Depth: 1, Puts: 1, Snapshots: 1, Crashes: 1}),
	journalWorld("split listings", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 2, Pages: true}),
	journalWorld("late snapshots, PUTs sent again", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 2, Crashes: 1, LateSnapshots: true, Resend: true}),
	journalWorld("reading ahead", journal.World{Agents: 2, Homes: twoOfOne, Slots: 3, Depth: 2, Puts: 2, Snapshots: 1, ReadAhead: true}),
	journalWorld("a store whose clock may step back", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 2, Crashes: 1, OnlyListings: true}),
	journalWorld("clocks that differ by W/4", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 2, Crashes: 1, Half: 2, W: 4, Skew: 1}),
	journalWorld("recovery", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 2, Crashes: 1, Recovery: true}),
	journalWorld("peers", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 1, Peers: true}),
	journalWorld("peers, pipelining", journal.World{Agents: 2, Homes: twoOfOne, Slots: 3, Depth: 2, Puts: 2, Crashes: 1, Peers: true}),
	journalWorld("peers, three agents, a crash", journal.World{Agents: 3, Homes: three, Slots: 3, Depth: 1, Puts: 1, Crashes: 1, Peers: true}),
	journalWorld("peers, a command that may be refused", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 2, Puts: 2, Crashes: 1, Peers: true, Conditional: true}),
	journalWorld("barriers", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 1, Requests: 2}),
	journalWorld("barriers, peers, a crash", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 2, Puts: 2, Crashes: 1, Peers: true, Requests: 1}),
	journalWorld("barriers, three peers", journal.World{Agents: 3, Homes: three, Slots: 3, Depth: 1, Puts: 1, Peers: true, Requests: 1}),
	sessionWorld("sessions", session.World{Agents: 2, Homes: twoOfOne, Entries: 5, Flight: 2, Crashes: 1, Expired: 1}),
	clusterWorld("two founders, a wiped prefix", cluster.World{Agents: 2, Slots: 2, Wipe: true}),
	clusterWorld("three founders, a wiped prefix", cluster.World{Agents: 3, Slots: 1, Wipe: true}),
	clusterWorld("a lost cluster.json", cluster.World{Agents: 3, Slots: 1, Lose: true}),
	memberWorld("members", member.World{Agents: 2, Entries: 5, Session: 4, Expired: 2}),
	partsWorld("parts", parts.World{Snapshots: 3, Makers: 2, Sweepers: 1}),
}

// Deep are larger ones, for a run by hand.
var Deep = []World{
	journalWorld("deep: pipelining", journal.World{Agents: 3, Homes: []int{0, 1, 2, 0}, Slots: 4, Depth: 2, Puts: 4, Crashes: 2}),
	journalWorld("deep: truncation", journal.World{Agents: 2, Homes: twoOfOne, Slots: 3, Depth: 2, Puts: 3, Snapshots: 2, Crashes: 1}),
	journalWorld("deep: truncation, three agents", journal.World{Agents: 3, Homes: three, Slots: 3, Depth: 1, Puts: 1, Snapshots: 2, Crashes: 1}),
	journalWorld("deep: truncation, three agents, more PUTs", journal.World{Agents: 3, Homes: three, Slots: 3, Depth: 1, Puts: 2, Snapshots: 1}),
	journalWorld("deep: truncation, three agents, pipelining", journal.World{Agents: 3, Homes: []int{0, 1, 2, 0}, Slots: 3, Depth: 2, Puts: 2, Snapshots: 1}),
	journalWorld("deep: peers, truncation, a crash", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 1, Crashes: 1, Peers: true}),
	journalWorld("deep: split listings", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 2, Crashes: 1, Pages: true, LateSnapshots: true, Recovery: true}),
	journalWorld("deep: barriers, peers, truncation", journal.World{Agents: 2, Homes: two, Slots: 3, Depth: 1, Puts: 2, Snapshots: 1, Peers: true, Requests: 1}),
	sessionWorld("deep: sessions", session.World{Agents: 2, Homes: twoOfOne, Entries: 6, Flight: 2, Crashes: 1, Expired: 2}),
	sessionWorld("deep: sessions, three agents", session.World{Agents: 3, Homes: three, Entries: 6, Flight: 2, Crashes: 1, Expired: 1}),
	clusterWorld("deep: a wiped prefix", cluster.World{Agents: 2, Slots: 3, Wipe: true}),
	clusterWorld("deep: a lost cluster.json", cluster.World{Agents: 3, Slots: 2, Lose: true}),
	memberWorld("deep: members", member.World{Agents: 3, Entries: 3, Session: 4, Expired: 1}),
	partsWorld("deep: parts", parts.World{Snapshots: 4, Makers: 2, Sweepers: 1}),
	partsWorld("deep: parts, two sweepers", parts.World{Snapshots: 3, Makers: 2, Sweepers: 2}),
}

// Find gives the world of that name among Worlds and Deep.
func Find(name string) (World, bool) {
	for _, worlds := range [][]World{Worlds, Deep} {
		for _, w := range worlds {
			if w.Name == name {
				return w, true
			}
		}
	}
	return World{}, false
}
