package main

import (
	"cmp"
	"slices"
)

// limit is something that a load can run into.
type limit struct {
	what, unit string
	load       func(m *model, o outcome) float64
	most       func(m *model) float64
	why        string
	seldom     bool // of a cluster that is set up in a special way: it is not what breaks first
}

func fixed(v float64) func(*model) float64 { return func(*model) float64 { return v } }

var limits = []limit{
	{"memory for the extents and files of all that is retained", "GiB",
		func(m *model, o outcome) float64 { return o.StateHour * m.RetentionHours / gib },
		func(m *model) float64 { return m.MemoryGiB / 2 },
		"Every agent holds the whole state: shorter retention, or more clusters in the bucket.", false},
	{"small extents, for each agent to merge", "MB/s",
		func(_ *model, o outcome) float64 { return o.Merged / o.Agents / 1e6 },
		func(m *model) float64 {
			o := m.calculate()
			return m.mergeRate(&o) / 1e6
		},
		"Past this they stay small for longer: the state grows, and who catches up pays more. Larger batches and fewer partitions help.", false},
	{"a journal entry", "MiB",
		func(_ *model, o outcome) float64 { return o.EntryBytes / (1 << 20) }, fixed(entryBytesMax / (1 << 20)),
		"One entry is in flight, and holds what came meanwhile: past the bound, batches wait for the next. Entries in flight side by side would help.", false},
	{"the sequencer's core", "cores",
		func(_ *model, o outcome) float64 { return o.SequencerCores }, fixed(1),
		"One goroutine decides and encodes every batch of the cluster.", false},
	{"following, each agent's core", "cores",
		func(m *model, o outcome) float64 { return o.Batches / m.Values[followRate] }, fixed(1),
		"Every agent decodes and applies every batch, in one goroutine.", false},
	{"the sequencer's stream to all others", "MB/s",
		func(_ *model, o outcome) float64 { return o.StreamBytes / 1e6 },
		func(m *model) float64 { return m.NetworkGBs * 1e3 * m.Use },
		"It sends every entry to every agent by itself: there is no tree of relays yet.", false},
	{"PUTs of a data prefix", "1/s", func(_ *model, o outcome) float64 { return o.Segments / dataPrefixes }, fixed(prefixPuts),
		"Segments are spread over 256 prefixes. S3 comes to know them only as it is used: a new bucket has the limit of one.", false},
	{"PUTs of a new bucket", "1/s", func(_ *model, o outcome) float64 { return o.Puts }, fixed(prefixPuts), "Until S3 has split the bucket up, all of it has the limit of one prefix.", false},
	{"GETs of a new bucket", "1/s", func(_ *model, o outcome) float64 { return o.Gets }, fixed(prefixGets), "Until S3 has split the bucket up, all of it has the limit of one prefix, and a segment takes several GETs in each other zone.", false},
	{"GETs of the journal where agents do not reach each other", "1/s", func(_ *model, o outcome) float64 { return o.Entries * o.Agents }, fixed(prefixGets),
		"With --peer=off each agent reads each entry from the bucket, all below one prefix.", true},
}

// Loads that are looked at, in bytes a second, each loadStep times the one before.
const loadLeast, loadMost, loadStep = 1 << 20, 1 << 40, 1.01

// lowest finds the least load for which over is true; 0: there is none up to most. Beyond it over may be false again: with one more
// agent each has fewer partitions in a segment, and so longer runs.
func lowest(most float64, over func(in float64) bool) float64 {
	for in := float64(loadLeast); ; in *= loadStep {
		if over(min(in, most)) {
			return min(in, most)
		}
		if in >= most {
			return 0
		}
	}
}

// largest is about the largest load that agentsMax agents move, or loadMost.
func (m model) largest() float64 {
	at := lowest(loadMost, func(in float64) bool {
		m.in = in
		return m.calculate().TooLarge
	})
	if at == 0 {
		return loadMost
	}
	return at / loadStep
}

// breaksAt gives the load, in bytes a second, at which a limit is reached; 0: not below most.
func (l *limit) breaksAt(m model, most float64) float64 {
	return lowest(most, func(in float64) bool {
		m.in = in
		return l.load(&m, m.calculate()) > l.most(&m)
	})
}

// reached is a limit and where it is reached; 0: nowhere.
type reached struct {
	limit
	at float64
}

// reachedLimits gives all limits, the one that is reached first at the top.
func reachedLimits(m model) (all []reached) {
	most := m.largest()
	for _, l := range limits {
		all = append(all, reached{l, l.breaksAt(m, most)})
	}
	slices.SortStableFunc(all, func(a, b reached) int {
		if (a.at == 0) != (b.at == 0) {
			return cmp.Compare(b.at, a.at) // those that are not reached come last
		}
		return cmp.Compare(a.at, b.at)
	})
	return all
}

// firstOf gives what breaks first.
func firstOf(all []reached) (reached, bool) {
	i := slices.IndexFunc(all, func(r reached) bool { return r.at > 0 && !r.seldom })
	if i < 0 {
		return reached{}, false
	}
	return all[i], true
}
