package main

// limit is something that a load can run into.
type limit struct {
	what, unit string
	load       func(m *model, o outcome) float64
	most       func(m *model) float64
	why        string
}

func fixed(v float64) func(*model) float64 { return func(*model) float64 { return v } }

var limits = []limit{
	{"memory for the extents and files of all that is retained", "GiB",
		func(m *model, o outcome) float64 { return o.StateHour * m.RetentionHours / gib },
		func(m *model) float64 { return m.MemoryGiB / 2 },
		"Every agent holds the whole state, and small extents are not merged yet: larger batches, longer batch times and shorter retention are what helps."},
	{"a journal entry", "MiB",
		func(_ *model, o outcome) float64 { return o.EntryBytes / (1 << 20) }, fixed(entryBytesMax / (1 << 20)),
		"One entry is in flight, and holds what came meanwhile: past the bound, batches wait for the next. Entries in flight side by side would help."},
	{"the sequencer's core", "cores",
		func(_ *model, o outcome) float64 { return o.SequencerCores }, fixed(1),
		"One goroutine decides and encodes every batch of the cluster."},
	{"following, each agent's core", "cores",
		func(m *model, o outcome) float64 { return o.Batches / m.Values[followRate] }, fixed(1),
		"Every agent decodes and applies every batch, in one goroutine."},
	{"the sequencer's stream to all others", "MB/s",
		func(_ *model, o outcome) float64 { return o.StreamBytes / 1e6 },
		func(m *model) float64 { return m.NetworkGBs * 1e3 * m.Use },
		"It sends every entry to every agent by itself: there is no tree of relays yet."},
	{"PUTs of a data prefix", "1/s", func(_ *model, o outcome) float64 { return o.Segments / dataPrefixes }, fixed(prefixPuts),
		"Segments are spread over 256 prefixes. S3 comes to know them only as it is used: a new bucket has the limit of one."},
	{"PUTs of a new bucket", "1/s", func(_ *model, o outcome) float64 { return o.Puts }, fixed(prefixPuts), "The same before S3 has split the bucket up."},
	{"GETs of a new bucket", "1/s", func(_ *model, o outcome) float64 { return o.Gets }, fixed(prefixGets), "As above."},
	{"GETs of the journal where agents do not reach each other", "1/s", func(_ *model, o outcome) float64 { return o.Entries * o.Agents }, fixed(prefixGets),
		"With --peer=off each agent reads each entry from the bucket, all below one prefix."},
}

// breaksAt gives the load, in bytes a second, at which a limit is reached; 0: not below loadMost.
func (l *limit) breaksAt(m model) float64 {
	const loadLeast, loadMost = 1 << 20, 1 << 40
	over := func(in float64) bool {
		m.in = in
		return l.load(&m, m.calculate()) > l.most(&m)
	}
	low, high := float64(loadLeast), float64(loadMost)
	if !over(high) {
		return 0
	}
	for high/low > 1.01 {
		if mid := (low + high) / 2; over(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
