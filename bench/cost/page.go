package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/load"
)

// loads are those of the page, in GiB a second.
var loads = []float64{0.01, 0.1, 1, 10}

// largeBatchKiB is the batch of the second table.
const largeBatchKiB = 256

// writePage writes the page.
func writePage(w io.Writer, m model) error {
	p := &page{}
	p.head()
	p.measured(&m)
	p.assumed(&m)
	for _, kib := range []float64{m.BatchKiB, largeBatchKiB} {
		m.BatchKiB = kib
		p.load(m)
		p.bills(m)
		p.breaks(m)
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// page is Markdown that grows.
type page struct{ b strings.Builder }

func (p *page) text(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *page) row(cells ...string) { p.text("| %s |", strings.Join(cells, " | ")) }

// header is a row and the line below it: the first column to the left, the others to the right.
func (p *page) header(cells ...string) {
	p.row(cells...)
	p.text("|---|%s", strings.Repeat("---:|", len(cells)-1))
}

func n(v float64) string { return load.Number(v) }

func dollars(v float64) string { return fmt.Sprintf("$%.2f", v) }

func (p *page) head() {
	p.text(`# What it costs

Printed by ` + "`go run ./bench/cost`" + ` (flags: another load, other machines and prices; ` + "`--json`" + ` for scripts). **Measured** is only what
stands under that heading: single operations, on one small machine. Everything else is **calculated** from these, from
prices and from assumptions, all given here. No cluster of this size has been run.
`)
}

func (p *page) measured(m *model) {
	p.text("## Measured\n\nTaken over by `go run ./bench/cost collect` from what the commands print with `--json`; load average is that of the machine before they began.\n")
	for i, s := range m.Sources {
		p.text("%d. %s", i+1, s.Where)
	}
	p.text("")
	p.header("what", "figure", "unit", "command", "from")
	for _, x := range measurements {
		p.row(x.what, n(m.Values[x.name]), x.unit, "`go run ./"+x.command+"`", fmt.Sprint(m.sourceOf(x.name)))
	}
	p.text("\nAll CPU but where S3 is named was measured on a bucket in a folder: HTTP and signatures come on top as measured, TLS does not.\n")
	p.gets(m)
}

// gets are how many GETs a segment takes.
func (p *page) gets(m *model) {
	p.text("GETs of a segment by another zone, by its size (`go run ./bench/scale fanout`: one agent a zone, 4 consumers). Between these by a line, past the last in proportion to the size:\n")
	p.header("batches", "size and GETs", "from")
	for _, c := range m.Gets {
		var points []string
		for _, x := range c.Points {
			points = append(points, fmt.Sprintf("%s MB: %s", n(x.SegmentMB), n(x.Gets)))
		}
		p.row(n(c.BatchKiB)+" KiB at most", strings.Join(points, "; "), fmt.Sprint(m.sourceOf(getsOf(c.BatchKiB))))
	}
	p.text("")
}

func (p *page) assumed(m *model) {
	a := &m.assumptions
	p.text(`## Assumed

- Load: %d zones, everything is read %s times, evenly from all zones; %s partitions; %s h are retained. Bytes are those that producers send, after compression.
- Zones have as many agents each, and clients name their zone: nothing but journal entries goes from zone to zone. What agents send to the sequencer is left out: it is one of as many shares of that as there are agents.
- A segment every %s ms and agent, or as soon as it has %s MiB, or %d MiB while it makes fewer than %d a second; one journal entry in flight. Stores are as fast as their profiles (internal/objstore/latency): %s. What is not a price is calculated for `+"`%s`"+`.
- CPU: TLS is in no figure, and the S3 server of the measurement is near. Reads of other zones cost CPU as from S3, all else as on a folder and the difference that S3 makes to a GiB in.
- Readers of a zone are few and have evenly many partitions, as the four of the measurement. Many that each want a part of every segment take more GETs: one for each MiB of it at most.
- A machine: %s cores, %s GiB, %s GB/s of network each way, $%s an hour (an m7g.4xlarge, as listed for us-east-1; its network is the baseline). It is used by %s %% at most.
- Stores, in dollars for a GB and month, 1,000 PUTs, 1,000 GETs, a GB in and out:%s. S3 Express keeps data in one zone alone.
- Kafka on disks: three replicas, the same machines, used as far; zone to zone $%s a GB in all, gp3 $%s a GB and month and $%s for each MB/s above 125, used by %s %%; consumers read in their zone (KIP-392). Its CPU is left out of account.
- Extents of less than %d KiB are merged until they have that, which most pass: a file of %d MiB takes a read of each segment of %d MiB, and a byte is written anew each time that its extent grows %d times. CPU: as of reading from S3, and serving, and of putting there what is in memory already. An agent makes %d files at a time, with %d reads each.
- Not counted: small segments that ride in journal entries and land later (fewer PUTs at small loads), requests that are sent a second time (5 %% at most), snapshots.
`, a.Zones, n(a.FanOut), n(a.Partitions), n(a.RetentionHours), n(a.BatchMs), n(a.SegmentMiB), ingest.EarlyBytes>>20, ingest.EarlyPutsPerSecond, m.profilesText(), m.profile.Name,
		n(a.Cores), n(a.MemoryGiB), n(a.NetworkGBs), fmt.Sprint(a.MachineHour), n(100*a.Use), storeText(),
		fmt.Sprint(a.CrossZoneGB), fmt.Sprint(a.DiskGBMonth), fmt.Sprint(a.DiskMBsMonth), n(100*a.DiskUse),
		merge.DefaultPace.Small>>10, merge.DefaultPace.File>>20, merge.DefaultPace.Bytes>>20, merge.Gain, merge.FilesAtOnce, merge.ReadsAtOnce)
}

// profilesText says how fast each store is taken to be.
func (m *model) profilesText() string {
	var all []string
	for _, s := range stores {
		all = append(all, fmt.Sprintf("%s `%s`", s.Name, m.on(s).profile.Name))
	}
	return strings.Join(all, ", ")
}

func storeText() string {
	var b strings.Builder
	for i, s := range stores {
		if i > 0 {
			b.WriteString(";")
		}
		fmt.Fprintf(&b, " %s %v, %v, %v, %v, %v", s.Name, s.GBMonth, s.PutThousand, s.GetThousand, s.InGB, s.OutGB)
	}
	return b.String()
}

// each gives a cell for each load.
func (m model) each(cell func(m *model, o outcome) string) (cells []string) {
	for _, rate := range loads {
		m.in = rate * gib
		cells = append(cells, cell(&m, m.calculate()))
	}
	return cells
}

func loadHeads() (cells []string) {
	for _, rate := range loads {
		cells = append(cells, n(rate)+" GiB/s")
	}
	return cells
}

func (p *page) load(m model) {
	p.text("## Batches of %s KiB\n\nCalculated, by what producers send:\n", n(m.BatchKiB))
	p.header(append([]string{""}, loadHeads()...)...)
	for _, row := range []struct {
		name string
		of   func(o outcome) float64
	}{
		{"agents", func(o outcome) float64 { return o.Agents }},
		{"cores in use", func(o outcome) float64 { return o.Cores }},
		{"of these to follow the journal", func(o outcome) float64 { return o.Follow }},
		{"batches a second", func(o outcome) float64 { return o.Batches }},
		{"journal entries a second", func(o outcome) float64 { return o.Entries }},
		{"an entry, KiB", func(o outcome) float64 { return o.EntryBytes / 1024 }},
		{"segments a second", func(o outcome) float64 { return o.Segments }},
		{"a segment, MiB", func(o outcome) float64 { return o.SegmentBytes / (1 << 20) }},
		{"PUTs a second", func(o outcome) float64 { return o.Puts }},
		{"GETs a second", func(o outcome) float64 { return o.Gets }},
		{"read from the bucket, GB/s", func(o outcome) float64 { return o.DataBytesRead / 1e9 }},
		{"sent by the sequencer to the others, MB/s", func(o outcome) float64 { return o.StreamBytes / 1e6 }},
		{"read and written anew to merge small extents, GB/s", func(o outcome) float64 { return o.Merged / 1e9 }},
		{"the state grows by, MiB an hour and agent", func(o outcome) float64 { return o.StateHour / (1 << 20) }},
		{"a snapshot grows by, MiB an hour", func(o outcome) float64 { return hour * o.Kept * m.Values[snapshotBytes] / (1 << 20) }},
	} {
		p.row(append([]string{row.name}, m.each(func(_ *model, o outcome) string { return n(row.of(o)) })...)...)
	}
	p.text("")
}

func (p *page) bills(m model) {
	p.text("Dollars an hour (machines + requests + storage + transfer). Where a limit further down is passed they are what it would take without it.\n")
	p.header(append([]string{""}, loadHeads()...)...)
	cell := func(b bill) string {
		return fmt.Sprintf("%s (%.2f + %.2f + %.2f + %.2f)", dollars(b.total()), b.Machines, b.Requests, b.Storage, b.Transfer)
	}
	for _, s := range stores {
		p.row(append([]string{"Millrace on " + s.Name}, m.on(s).each(func(m *model, o outcome) string { return cell(m.cost(o, s)) })...)...)
	}
	p.row(append([]string{"Kafka on disks"}, m.each(func(m *model, _ outcome) string {
		_, b := m.kafka()
		return cell(b)
	})...)...)
	p.row(append([]string{"its brokers"}, m.each(func(m *model, _ outcome) string {
		brokers, _ := m.kafka()
		return n(brokers)
	})...)...)
	p.row(append([]string{stores[0].Name + " to Kafka"}, m.each(func(m *model, o outcome) string {
		_, b := m.kafka()
		return n(m.cost(o, stores[0]).total() / b.total())
	})...)...)
	p.text("")
}

func (p *page) breaks(m model) {
	all := reachedLimits(m)
	p.text("What breaks, calculated, in the order in which it is reached: the load of each limit, **bold** where it is passed, and where that begins. A larger load may be within a limit again that a smaller one passes: it takes more agents, each of which has fewer partitions and so fewer extents in a segment.\n")
	if r, ok := firstOf(all); ok {
		p.text("First: **%s**, at %s/s, because %s\n", r.what, load.Bytes(r.at), strings.ToLower(r.why[:1])+r.why[1:])
	} else {
		p.text("First: none is reached with %d agents.\n", agentsMax)
	}
	p.header(append(append([]string{"limit"}, loadHeads()...), "reached at")...)
	for _, l := range all {
		at := "not below " + load.Bytes(m.largest()) + "/s"
		if l.at > 0 {
			at = load.Bytes(l.at) + "/s"
		}
		name := fmt.Sprintf("%s (at most %s %s)", l.what, n(l.most(&m)), l.unit)
		p.row(append(append([]string{name}, m.each(func(m *model, o outcome) string {
			load := l.load(m, o)
			if load > l.most(m) {
				return "**" + n(load) + "**"
			}
			return n(load)
		})...), at)...)
	}
	p.text("")
	if m.BatchKiB == largeBatchKiB {
		for _, l := range limits {
			p.text("- **%s**: %s", l.what, l.why)
		}
	}
}
