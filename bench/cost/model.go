package main

import (
	"math"

	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/objstore/latency"
)

const (
	gib           = 1 << 30
	hour          = 3600.0
	monthHours    = 730.0
	entryBytesMax = 4 << 20 // of a journal entry
	prefixPuts    = 3500.0  // S3's limits a second and prefix
	prefixGets    = 5500.0
	dataPrefixes  = 256.0 // data/00 to data/ff
)

// model is a load, and what it stands on.
type model struct {
	measured
	assumptions
	in      float64 // bytes a second
	profile latency.Profile
	forced  bool // the profile was asked for: it is that of all stores
}

// on is the same load on a store, as fast as that is.
func (m model) on(p prices) model {
	if !m.forced {
		m.profile, _ = latency.Named(p.Profile) // a test holds that there is one
	}
	return m
}

// outcome is what a load comes to.
type outcome struct {
	TooLarge                                          bool // for any number of agents up to agentsMax
	Agents, Cores                                     float64
	Segments, SegmentBytes                            float64 // a second
	Batches, Entries, EntryBytes                      float64 // a second; of one entry
	Extents, StateHour                                float64 // a second; bytes of each agent's memory an hour
	Kept, Merged                                      float64 // a second: extents once they are merged; bytes that are read and written anew for that
	Puts, Gets, DataBytesRead                         float64 // a second, of all
	SequencerCores, StreamBytes, AgentNetwork, Follow float64 // Follow: cores that all agents together apply entries with
}

// calculate finds how many agents a load takes: each makes more segments, and follows the journal.
func (m *model) calculate() outcome {
	var o outcome
	for n := float64(m.Zones); ; n += float64(m.Zones) {
		o = m.with(n)
		if o.Cores <= n*m.Cores*m.Use && o.AgentNetwork <= m.NetworkGBs*1e9*m.Use {
			return o
		}
		if n > agentsMax {
			o.TooLarge = true
			return o
		}
	}
}

// agentsMax ends the search: a cluster that is larger, or that no number of agents would make large enough.
const agentsMax = 3000

// with calculates a load on n agents.
func (m *model) with(n float64) outcome {
	v, zones := m.Values, float64(m.Zones)
	o := outcome{Agents: n}
	perAgent := m.in / n
	o.Segments = n * max(1000/m.BatchMs, min(ingest.EarlyPutsPerSecond, perAgent/ingest.EarlyBytes), perAgent/(m.SegmentMiB*(1<<20)))
	o.SegmentBytes = m.in / o.Segments
	o.Batches = m.in / (m.BatchKiB * 1024)
	o.Entries, o.EntryBytes = m.entries(o.Batches, o.Segments)
	// Batches of a partition that lie side by side in a segment are one extent.
	o.Extents = min(o.Batches, o.Segments*m.Partitions/(n/zones))
	o.Puts = o.Segments + o.Entries
	// Every zone reads what the others write; its own writes are in its agents' memory.
	o.DataBytesRead = m.in * (zones - 1) * v[readPerByte]
	o.Gets = o.Segments * (zones - 1) * m.getsPerSegment(o.SegmentBytes)
	o.SequencerCores = o.Batches / v[sequenceRate]
	o.Follow = n * o.Batches / v[followRate]
	o.StreamBytes = o.Batches * v[entryBatchBytes] * (n - 1)
	o.Cores = m.moving() + o.SequencerCores + o.Follow
	// Sent: segments and answers to consumers. Received: what is produced, and what other zones wrote. The one that is more counts.
	o.AgentNetwork = max(m.in*(1+m.FanOut), m.in+o.DataBytesRead) / n
	m.merge(&o)
	return o
}

// merge adds what small extents take that are brought together (internal/jobs/merge). They are taken to have the least that is not
// small in the end, though most come to have more, and each byte to be written anew once for each time that its extent may grow.
func (m *model) merge(o *outcome) {
	pace, files := merge.DefaultPace, o.Segments
	o.Kept = o.Extents
	if small := float64(pace.Small); m.in/o.Extents < small {
		o.Kept, files = m.in/small, m.in/float64(pace.File)
		o.Merged = m.in * math.Ceil(math.Log(small*o.Extents/m.in)/math.Log(merge.Gain))
		made := o.Merged / float64(pace.File)
		o.Puts += made
		o.Gets += made * m.mergeReads(o)
		o.Cores += o.Merged / gib * (m.Values[cpuRead] + m.Values[cpuS3])
		o.AgentNetwork += o.Merged / o.Agents
	}
	o.StateHour = hour * (o.Kept*m.Values[extentBytes] + files*m.Values[fileBytes])
}

// mergeReads is how many reads a merged file takes: one of each segment that it has something of.
func (m *model) mergeReads(o *outcome) float64 {
	return float64(merge.DefaultPace.Bytes) / o.SegmentBytes
}

// mergeRate is how many bytes a second an agent can bring together, several files at a time.
func (m *model) mergeRate(o *outcome) float64 {
	file := merge.DefaultPace.File
	reads := math.Ceil(m.mergeReads(o)/merge.ReadsAtOnce) * m.profile.Get.P50.Seconds()
	return merge.FilesAtOnce * float64(file) / (reads + m.profile.Put(int(file)).P50.Seconds())
}

// getsPerSegment is measured by the size of segments, with the curve whose batches are the next larger: between its points by a
// line, past the last of them as many for a byte as there, below the first as there.
func (m *model) getsPerSegment(bytes float64) float64 {
	curve := m.Gets[len(m.Gets)-1]
	for _, c := range m.Gets {
		if c.BatchKiB >= m.BatchKiB {
			curve = c
			break
		}
	}
	size, before := bytes/1e6, curve.Points[0]
	for _, p := range curve.Points {
		if size <= p.SegmentMB {
			if p == before {
				return p.Gets
			}
			return before.Gets + (p.Gets-before.Gets)*(size-before.SegmentMB)/(p.SegmentMB-before.SegmentMB)
		}
		before = p
	}
	return before.Gets * size / before.SegmentMB
}

// moving is how many cores the bytes take: in, out, and out of the bucket in other zones.
func (m *model) moving() float64 {
	v, zones := m.Values, float64(m.Zones)
	rate := m.in / gib
	batches := v[cpuBatch] / 1e6 * (m.in / (m.BatchKiB * 1024))
	firstReads := min(m.FanOut, zones) * (zones - 1) / zones // of other zones' bytes, once a zone
	return rate*(v[cpuIn]+v[cpuS3]+firstReads*v[cpuRead]+(m.FanOut-firstReads)*v[cpuTail]) + batches
}

// entries is how many journal entries a second one writer makes, one in flight, each as large as what came meanwhile.
func (m *model) entries(batches, commits float64) (perSecond, bytes float64) {
	took := m.profile.PutSmall.P50.Seconds()
	for range 30 { // it converges, or grows beyond all bounds
		bytes = took * batches * m.Values[entryBatchBytes]
		took = m.profile.Put(int(min(bytes, math.MaxInt32))).P50.Seconds()
	}
	if perSecond = 1 / took; perSecond > commits {
		perSecond, bytes = commits, batches*m.Values[entryBatchBytes]/commits
	}
	return perSecond, bytes
}

// bill is dollars an hour.
type bill struct {
	Machines, Requests, Storage, Transfer float64
}

func (b bill) total() float64 { return b.Machines + b.Requests + b.Storage + b.Transfer }

// cost is the bill of an outcome on a store.
func (m *model) cost(o outcome, p prices) bill {
	stored := m.in * m.RetentionHours * hour / 1e9 // GB
	return bill{
		Machines: o.Agents * m.MachineHour,
		Requests: hour * (o.Puts*p.PutThousand + o.Gets*p.GetThousand) / 1000,
		Storage:  stored * p.GBMonth / monthHours,
		Transfer: hour * (m.in*p.InGB + o.DataBytesRead*p.OutGB + m.streamAcross(o)*m.CrossZoneGB) / 1e9,
	}
}

// streamAcross is what the sequencer sends to agents of other zones, in bytes a second.
func (m *model) streamAcross(o outcome) float64 {
	zones := float64(m.Zones)
	return o.StreamBytes * (zones - 1) / zones
}

// kafka is the bill of Apache Kafka on disks, three replicas over the zones, consumers that read in their own zone (KIP-392).
func (m *model) kafka() (brokers float64, b bill) {
	const replicas = 3
	zones := float64(m.Zones)
	received, sent := m.in*replicas, m.in*(replicas-1+m.FanOut)
	brokers = zones * math.Ceil(max(received, sent)/(m.NetworkGBs*1e9*m.Use)/zones)
	stored := m.in * replicas * m.RetentionHours * hour / 1e9 / m.DiskUse
	disks := stored*m.DiskGBMonth + max(0, m.in*replicas/1e6/m.DiskUse-125*brokers)*m.DiskMBsMonth
	crossing := m.in * (replicas - 1 + (zones-1)/zones) // replication, and producers whose leader is elsewhere
	return brokers, bill{Machines: brokers * m.MachineHour, Storage: disks / monthHours, Transfer: hour * crossing * m.CrossZoneGB / 1e9}
}
