package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/internal/load"
)

// report is what a run found.
type report struct {
	Date     string   `json:"date"`
	Command  string   `json:"command"`
	Machine  string   `json:"machine"`
	Where    string   `json:"where"`    // cores, and the file system of the servers' data
	Versions string   `json:"versions"` // of what was compared
	How      string   `json:"how"`      // the loads, as they were set
	Systems  []string `json:"systems"`  // the first is what the others are compared with
	Figures  []figure `json:"figures"`
	Goals    []goal   `json:"goals,omitempty"` // none in the short form
	Notes    []string `json:"notes,omitempty"`

	serverCores, clientCores float64
	judged                   bool
	readers                  int       // of tail
	ratesMB                  []float64 // as asked for
}

// figure is one thing that was measured, of all systems.
type figure struct {
	Partitions int                  `json:"partitions"`
	Load       string               `json:"load"`
	What       string               `json:"what"`
	Values     map[string][]float64 `json:"values"` // by system; one for each round
	Ratios     map[string]spread    `json:"ratios"` // by system, but for the first and those of which no round gave one
}

// spread is the median of the rounds, and the ends.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return spread{}
	}
	middle := len(sorted) / 2
	s := spread{sorted[middle], sorted[0], sorted[len(sorted)-1]}
	if len(sorted)%2 == 0 {
		s.Median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return s
}

func (c *compare) newReport() (*report, error) {
	kafka, err := c.kafkaVersion()
	if err != nil {
		return nil, err
	}
	java, err := javaVersion()
	if err != nil {
		return nil, err
	}
	r := &report{
		Date: time.Now().Format(time.DateOnly), Machine: host.Machine(), judged: !c.short,
		Command:  commandLine(c.args),
		Versions: fmt.Sprintf("Apache Kafka %s on %s; millrace built by %s without cgo, %s", kafka, java, runtime.Version(), host.Commit(c.repo)),
		Where:    c.where(),
		How:      c.how(),
		readers:  c.readers, ratesMB: c.ratesMB,
	}
	r.serverCores, r.clientCores = float64(len(c.serverOn)), float64(len(c.clientOn))
	for _, s := range c.systems {
		r.Systems = append(r.Systems, s.name)
	}
	return r, nil
}

// commandLine gives the command as a person types it.
func commandLine(args []string) string {
	line := "go run ./bench/compare"
	for _, a := range args {
		if strings.ContainsAny(a, " \t") {
			a = strconv.Quote(a)
		}
		line += " " + a
	}
	return line
}

// how says how the loads are set.
func (c *compare) how() string {
	var rates []string
	for _, mb := range c.ratesMB {
		rates = append(rates, fmt.Sprint(mb))
	}
	return fmt.Sprintf("records of %d B, lz4 %d to 1; %d rounds, %v to warm up a server, windows of %v, from %d partitions on %d times as long; %d producers; paced: %s MB/s, from %d partitions on a quarter of the first before it; tail: the first, %d readers of everything; "+
		"catch-up: a backlog of %d MiB, %v old, read %d times or more; java catch-up: %d runs", recordBytes, halved, c.rounds, c.warmup, c.window, spreadFrom, spreadWindows, c.producers,
		strings.Join(rates, ", "), spreadFrom, c.readers, c.backlogMiB, c.backlogAge, c.readings, c.toolRuns)
}

// readAheadUsual is from how many KiB on the report says that it is much. With 8,192 a broker of 5,000 partitions that warmed up had two thirds of its
// CPU in clearing pages of indexes, each of which is mapped and mostly empty.
const readAheadUsual = 512

// congestionDear is what makes it dear to send to this machine itself, see host.CongestionControl. To send a backlog out of the page cache an agent took half
// as much CPU again as with Linux's own, cubic.
const congestionDear = "bbr"

// where says on which cores and on which file system.
func (c *compare) where() string {
	fs := host.FileSystem(c.work)
	text := fmt.Sprintf("data on %s", fs)
	if fs == "tmpfs" {
		text += ", where fsync is free"
	}
	if kib, ok := host.ReadAheadKiB(c.work); ok {
		text += readAhead(kib)
	}
	if tcp := host.CongestionControl(); tcp != "" {
		text += congestion(tcp)
	}
	switch {
	case c.pin:
		return text + fmt.Sprintf("; server on core %s, clients on core %s", c.serverCores, c.clientCores)
	case host.Cores() == 1:
		return text + "; server and clients share the only core: throughputs tell little, compare the CPU"
	}
	return text + "; server and clients share all cores"
}

// readAhead says how much the system reads ahead.
func readAhead(kib int) string {
	text := fmt.Sprintf(", read-ahead %d KiB", kib)
	if kib > readAheadUsual {
		text += " (Linux has 128: with much more Kafka's indexes cost it more)"
	}
	return text
}

// congestion says how TCP finds out how fast to send.
func congestion(tcp string) string {
	text := ", TCP with " + tcp
	if tcp == congestionDear {
		text += " (Linux has cubic: with bbr sending is dearer)"
	}
	return text
}

// add adds a figure of one more round.
func (r *report) add(partitions int, name, what, system string, value float64) {
	f := r.find(partitions, name, what)
	if f == nil {
		r.Figures = append(r.Figures, figure{partitions, name, what, map[string][]float64{}, map[string]spread{}})
		f = &r.Figures[len(r.Figures)-1]
	}
	f.Values[system] = append(f.Values[system], value)
}

// find gives a figure; nil: there is none.
func (r *report) find(partitions int, name, what string) *figure {
	for i := range r.Figures {
		if f := &r.Figures[i]; f.Partitions == partitions && f.Load == name && f.What == what {
			return f
		}
	}
	return nil
}

// complete computes what follows from the figures that there are by now.
func (r *report) complete() {
	r.Notes = nil
	for i := range r.Figures {
		f := &r.Figures[i]
		for _, s := range r.Systems[1:] {
			if all := ratios(f.Values[s], f.Values[r.Systems[0]]); len(all) > 0 {
				f.Ratios[s] = spreadOf(all)
			}
		}
		r.noteDropped(f)
	}
	r.noteLimits()
	if r.judged {
		r.Goals = r.judge()
	}
}

// ratios divides the values of each round. Where either is not positive there is no ratio: what readers cost is a difference, and
// may come out so on a machine that is busy with other things.
func ratios(of, by []float64) (all []float64) {
	for i := range min(len(of), len(by)) {
		if of[i] > 0 && by[i] > 0 {
			all = append(all, of[i]/by[i])
		}
	}
	return all
}

// noteDropped tells of the values that ratios leaves out.
func (r *report) noteDropped(f *figure) {
	for _, s := range r.Systems {
		for round, v := range f.Values[s] {
			if v <= 0 {
				r.Notes = append(r.Notes, fmt.Sprintf("%d partitions, %s, %s: %s of %s in round %d is within the noise: no ratio comes of it",
					f.Partitions, f.Load, f.What, load.Number(v), s, round+1))
			}
		}
	}
}

// full is the share of cores from which on they are a limit.
const full = 0.9

// kept is the share of a load's pace below which it did not keep up.
const kept = 0.9

// noteLimits says of each throughput what limited it, if that was not the server's CPU or the load's own pace.
func (r *report) noteLimits() {
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.What != mbPerSec {
			continue
		}
		for _, s := range r.Systems {
			text := ""
			if pace := r.pace(f); pace == 0 {
				text = r.limit(f, s)
			} else if got := spreadOf(f.Values[s]).Median; len(f.Values[s]) > 0 && got < kept*pace {
				text = fmt.Sprintf("it came to %s MB/s of %s", load.Number(got), load.Number(pace))
			}
			if text != "" {
				r.note(f, s, text)
			}
			if busy := r.serverShare(f, s); f.Load == tail && busy >= full {
				r.note(f, s, fmt.Sprintf("the server's core is full (%.0f %%): with more room, what its readers cost might be more", 100*busy))
			}
		}
	}
}

func (r *report) note(f *figure, system, text string) {
	r.Notes = append(r.Notes, fmt.Sprintf("%d partitions, %s, %s: %s", f.Partitions, f.Load, system, text))
}

// pace is the MB/s that a load at a fixed rate has to come to; 0: it has none.
func (r *report) pace(f *figure) float64 {
	rates := ratesAt(r.ratesMB, f.Partitions)
	if f.Load == tail {
		return rates[0] * float64(r.readers)
	}
	for _, mb := range rates {
		if f.Load == pacedAt(mb) {
			return mb
		}
	}
	return 0
}

// share is how busy so many cores were under the load of a figure, as one of its other figures says.
func (r *report) share(f *figure, system, what string, cores float64) float64 {
	if f := r.find(f.Partitions, f.Load, what); f != nil {
		return spreadOf(f.Values[system]).Median / cores
	}
	return 0
}

// serverShare is how busy the server's cores were, with all that ran there.
func (r *report) serverShare(f *figure, system string) float64 {
	return max(r.share(f, system, serverBusy, r.serverCores), r.share(f, system, serverFull, r.serverCores))
}

// limit says what limited a system's throughput; "" if it was the server's CPU, or is not known.
func (r *report) limit(f *figure, system string) string {
	share := func(what string, cores float64) float64 { return r.share(f, system, what, cores) }
	server, client := share(serverBusy, r.serverCores), share(clientsBusy, r.clientCores)
	serverAll, clientAll := r.serverShare(f, system), max(client, share(clientsFull, r.clientCores))
	if server >= full || client == 0 {
		return ""
	}
	what := "neither core is full: it waits, for the disk or for room in the producers' buffers"
	switch {
	case client >= full:
		what = "the clients are the limit: compare the CPU"
	case serverAll >= full && clientAll >= full:
		what = "others, the kernel's own threads among them, filled both cores: compare the CPU"
	case serverAll >= full:
		what = "others, the kernel's own threads among them, filled the server's core: compare the CPU"
	case clientAll >= full:
		what = "others filled the clients' core, so that the clients are the limit: compare the CPU"
	}
	return fmt.Sprintf("%s (server's core busy %.0f %%, by the server %.0f %%; clients' %.0f %%, by the clients %.0f %%)", what, 100*serverAll, 100*server, 100*clientAll, 100*client)
}
