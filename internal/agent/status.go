package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/meter"
)

// Status describes the cluster as this agent sees it.
func (a *Agent) Status(context.Context) console.Status {
	v := a.control.View()
	s := console.Status{ClusterID: a.control.ClusterID(), Version: a.config.Version, Bucket: a.meter.Info().URL, Latency: a.meter.Info().Latency, Bootstrap: a.Advertised(),
		Level: v.Admin.Level(meta.FeatureLevel)}
	for _, other := range v.Admin.Agents() {
		s.Agents = append(s.Agents, a.describe(other))
	}
	v.Log.Topics(func(t *log.Topic) bool {
		s.Topics = append(s.Topics, describeTopic(v, t))
		return true
	})
	for g := range v.Groups.Groups() {
		s.Groups = append(s.Groups, describeGroup(v, g))
	}
	return s
}

func (a *Agent) describe(other *admin.Agent) console.Agent {
	self := other.Incarnation == a.control.Self()
	lease := admin.ActiveLease
	if other.Idle {
		lease = admin.IdleLease
	}
	return console.Agent{
		Node: other.Incarnation, Address: other.Kafka, Zone: other.Zone, Group: other.Group, Version: other.Version, Level: other.Level, Self: self,
		Roles: roleNames(other.Roles), Renewed: other.RenewBy - lease, Sequencer: other.Incarnation == a.control.Sequencer(),
	}
}

func roleNames(r admin.Roles) []string {
	var names []string
	for i, name := range []string{"produce", "fetch", "jobs", "sequence"} {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func describeTopic(v meta.View, t *log.Topic) console.Topic {
	out := console.Topic{Name: t.Name, ID: t.ID.String(), Partitions: int(t.Partitions)}
	for i := int32(0); i < t.Partitions; i++ {
		if _, p, ok := v.Log.PartitionOf(t.ID, i); ok {
			out.Records += p.End - p.Start
			out.Bytes += p.Extents.Bytes()
		}
	}
	return out
}

func describeGroup(v meta.View, g *group.Group) console.Group {
	out := console.Group{Name: g.Name, State: g.State(), Type: "classic", Members: len(g.Members()), Lag: -1}
	for o := range g.Offsets() {
		if _, p, ok := v.Log.PartitionOf(o.Topic, o.Partition); ok {
			out.Lag = max(out.Lag, 0) + max(0, p.End-o.Offset.Offset)
		}
	}
	return out
}

// Stats gives this agent's counters and gauges.
func (a *Agent) Stats() console.Stats {
	v := a.control.View()
	journal, in, out, clients := a.control.Stats(), a.ingest.Stats(), a.fetch.Stats(), a.broker.Stats()
	s := console.Stats{
		RecordsIn: uint64(in.Records), BytesIn: uint64(in.Bytes), BatchesIn: uint64(in.Batches),
		RecordsOut: uint64(out.Records), BytesOut: uint64(out.Bytes), BatchesOut: uint64(out.Batches), BatchesAsTheyLay: uint64(out.AsTheyLay),
		EntriesWritten: uint64(journal.EntriesWon), EntriesLost: uint64(journal.SlotsLost),
		Connections: int64(clients.Connections), ParkedBatches: int64(in.ParkedNow), FetchSessions: int64(out.Sessions), Waiters: int64(out.Waiting),
		Groups: int64(v.Groups.Len()), Topics: int64(v.Log.TopicCount()), Partitions: int64(v.Log.PartitionCount()),
		JournalSlot: v.Slot, SnapshotSlot: journal.SnapshotSlot, ViewLag: journal.ViewAge,
		SnapshotsPassedOver: uint64(journal.PassedOver),
		MemoryUsed:          clients.FrameBytes + reserved(a.answers) + a.cache.Stats().UsedBytes, MemoryLimit: a.config.MemoryBytes,
		StoreLatency: a.meter.Info().Latency,
		SegmentsRode: uint64(in.Rode), SegmentsUploaded: uint64(in.Segments), Landings: uint64(a.land.Stats().Accepted), Merges: uint64(a.merge.Stats().Accepted),
		FilesRemoved: uint64(a.garbage.Stats().Removed), Riding: riding(v, a.control.Now()),
	}
	for _, d := range out.Damage {
		s.Damage = append(s.Damage, console.DamagedFile{File: d.File, Missing: d.Missing, Reads: uint64(d.Reads)})
	}
	if a.hedge != nil {
		hedges := a.hedge.Stats()
		s.Hedges, s.HedgesWon = uint64(hedges.Sent), uint64(hedges.Won)
	}
	for _, op := range a.meter.Snapshot() {
		s.Store = append(s.Store, storeOperation(op))
	}
	return s
}

// riding tells at bucket time now what of the journal rides.
func riding(v meta.View, now base.Millis) console.Riding {
	r := console.Riding{Segments: int64(v.Log.RiderCount()), Bytes: v.Log.RidingBytes()}
	if r.Segments > 0 {
		r.KeptSlots = int64(v.Slot-v.Log.OldestRide()) + 1
		r.AgeMs = int64(max(0, now-v.Log.RidingSince()))
	}
	return r
}

func reserved(s *env.Semaphore) int64 { return s.Size() - s.Free() }

func storeOperation(op meter.Operation) console.StoreOperation {
	out := console.StoreOperation{Name: op.Name, Requests: op.Requests, Errors: map[string]uint64{}, BytesSent: op.BytesSent, BytesReceived: op.BytesReceived,
		Latency: console.Histogram{Bounds: slices.Clone(meter.LatencyBounds[:]), Counts: slices.Clone(op.Latency[:]), Total: op.TotalTime}}
	for kind, n := range op.Errors {
		if n > 0 {
			out.Errors[strings.ReplaceAll(fmt.Sprint(kind), " ", "_")] = n
		}
	}
	return out
}
