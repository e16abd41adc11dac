package sim

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	whole "github.com/millrace-io/millrace/internal/agent"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/jobs"
	"github.com/millrace-io/millrace/internal/jobs/garbage"
	landing "github.com/millrace-io/millrace/internal/jobs/land"
	merging "github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/hedge"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/objstore/retry"
	"github.com/millrace-io/millrace/internal/peer"
)

// agent is one life of an agent: the floors up to ingest, put together as cmd/millrace does it.
type agent struct {
	c                    *Cluster
	name                 string
	as                   string // the name by which others are told to reach it: its own, but for a twin
	level                uint16 // the feature level it knows
	noRides              bool   // it uploads all segments
	p                    *sim.Proc
	log                  *slog.Logger
	node                 *peer.Node // nil: no peers
	control              *control.Control
	journal              ingest.Journal // control, as planted bugs let ingest and clients see it
	ingest               *ingest.Ingest
	hedge                *hedge.Store
	land                 *landing.Job
	merge                *merging.Job
	garbage              *garbage.Job
	whole                *whole.Agent // with all floors; nil: only those above, put together here
	up                   bool         // serves clients
	conns                []*conn
	seen                 base.Incarnation
	stats                control.Stats // as last counted
	gather               ingest.Stats
	hedges               int64
	landed, merged       jobs.OfferStats
	removed              int64
	asTheyLay, rewritten int64 // batches sent
}

const peerPort = ":9094"

// begin starts a new life of the agent of that name.
func (c *Cluster) begin(name string) {
	a := c.newAgent(name, name)
	c.agents[slices.Index(c.names, name)] = a
	a.p.Go("agent", a.run)
}

func (c *Cluster) newAgent(name, as string) *agent {
	a := &agent{c: c, name: name, as: as, level: c.drawLevel(), noRides: c.options.NoRides || c.w.Uint64()%4 == 0, p: c.w.Proc(name)}
	a.log = slog.New(&logHandler{w: c.w, audit: c.audit, deaf: c.options.Deaf})
	return a
}

// run starts the agent and watches it.
func (a *agent) run() {
	if err := a.start(); err != nil {
		a.cannotStart(err)
		return
	}
	if a.c.w.Uint64()%2 == 0 {
		a.control.Interest(1) // as a consumer's that waits for records
	}
	a.up = true
	a.c.w.Logf("up as %d", a.control.Self())
	for a.up {
		a.p.Sleep(500 * time.Millisecond)
		a.count()
		if err := a.control.Err(); err != nil && a.up {
			a.gaveUp(err)
		}
	}
}

// cannotStart judges why the agent does not start.
func (a *agent) cannotStart(err error) {
	switch {
	case a.c.options.Whole && mayPass(err):
		a.c.w.Logf("cannot start: %v", err)
		a.c.marks.Hit(AgentStartFailed)
		a.c.beginLater(a.name) // the process ends, and is started again
		a.kill()
	case a.outdated(err):
		a.replace(err)
	case base.KindOf(err) != base.Stopping:
		a.endsItself(CheckAgentStart, err)
	}
}

// gaveUp judges why the agent stopped by itself.
func (a *agent) gaveUp(err error) {
	if a.outdated(err) {
		a.replace(err)
		return
	}
	a.endsItself(CheckAgentStopped, err)
}

// endsItself: the product has found by itself that something is wrong, and ends this life of the agent.
func (a *agent) endsItself(check string, err error) {
	a.up = false
	if !a.c.options.Deaf {
		a.c.audit.violated(check, "%s: %v", a.name, err)
		return
	}
	a.c.w.Logf("%s: %v", check, err)
	a.c.beginLater(a.name)
	a.kill()
}

// mayPass reports whether err is the bucket's, and of a kind that ends.
func mayPass(err error) bool {
	return objstore.Is(err, objstore.Throttled) || objstore.Is(err, objstore.Other) || objstore.Is(err, objstore.Ambiguous)
}

func (a *agent) start() error {
	o := &a.c.options
	var store objstore.Store = a.c.bucket.For(a.p)
	if o.Seams.Store != nil {
		store = o.Seams.Store(a.p, store)
	}
	if o.Whole {
		return a.startWhole(store)
	}
	a.hedge = hedge.New(a.p, store, 64<<20)
	store = retry.New(a.p, a.hedge, retry.DefaultPolicy)
	cluster, err := journal.OpenCluster(context.Background(), a.p, store)
	if err != nil {
		return err
	}
	config := control.Config{Profile: admin.Profile{Kafka: a.as + kafkaPort, Roles: admin.AllRoles}, W: o.W, Pace: o.Pace, Level: a.level, Log: a.log}
	var peers control.Peers
	if a.peered() {
		if a.node, err = peer.Listen(a.p, peerPort, cluster.ID, a.log); err != nil {
			return err
		}
		config.Profile.Peer = a.as + peerPort
		peers = a.node
	}
	a.control = control.New(a.p, store, cluster, config, peers)
	a.journal = a.control
	if o.Seams.Journal != nil {
		a.journal = o.Seams.Journal(a.p, a.journal)
	}
	a.control.Subscribe(a.published)
	a.ingest = ingest.New(a.p, a.journal, store, ingest.Config{BatchTimeout: 50 * time.Millisecond, BatchBytes: 1 << 20, Log: a.log, Rides: !a.noRides})
	a.land = landing.New(a.p, a.control, store, a.riders(store), o.Land, a.log)
	a.merge = merging.New(a.p, a.control, store, o.Merge, 32<<10, a.log)
	a.garbage = garbage.New(a.p, a.control, store, a.log)
	if a.node != nil {
		a.node.Start(a.control, a.control.Self)
	}
	if err := a.control.Start(); err != nil {
		return err
	}
	a.land.Start()
	a.merge.Start()
	a.garbage.Start()
	return nil
}

// peered reports whether the agent talks to others.
func (a *agent) peered() bool {
	o := &a.c.options
	return o.Peers && !(o.Loner && a.as == a.c.names[o.Agents-1])
}

const kafkaPort = ":9092"

// framePiece makes most Produces of these worlds large ones, in bytes: so that their memory is used again.
const framePiece = 128

// startWhole starts an agent as the command does, with its ports for Kafka clients and others. Clients are told its IP.
func (a *agent) startWhole(store objstore.Store) error {
	o := &a.c.options
	config := whole.Config{Listen: kafkaPort, Peer: "off", Roles: admin.AllRoles,
		BatchTimeout: 50 * time.Millisecond, BatchBytes: 1 << 20, MemoryBytes: 64 << 20, FirstPiece: framePiece, W: o.W, Pace: o.Pace, Land: o.Land, Merge: o.Merge, NoRides: a.noRides, Level: a.level, Log: a.log}
	if a.as != a.name {
		config.Advertise = a.c.agentOf(a.as).host()
	}
	if a.peered() {
		config.Peer = peerPort
	}
	var err error
	if a.whole, err = whole.New(context.Background(), a.p, meter.New(a.p, store), config, console.NewMetrics()); err != nil {
		return err
	}
	a.control, a.ingest = a.whole.Control(), a.whole.Ingest()
	a.journal = a.control
	a.control.Subscribe(a.published)
	return a.whole.Start()
}

// host is where others are told to reach the agent; empty before it is registered.
func (a *agent) host() string {
	if a.control == nil {
		return ""
	}
	self, ok := a.control.View().Admin.Agent(a.control.Self())
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(self.Kafka)
	if err != nil {
		panic(err)
	}
	return host
}

// published is called with every View, in the loop of control.
func (a *agent) published(change control.Change) {
	switch {
	case change.Everything && a.up:
		a.c.marks.Hit(StateReloaded)
	case change.Everything && a.c.bucket.deleted[journal.EntryKey(1)]:
		a.c.marks.Hit(StartFromSnapshot)
	}
	a.c.audit.view(a.name, change.View)
	for _, k := range a.c.committers {
		k.view(a.name, change.View)
	}
}

// count takes over what the agent counts itself.
func (a *agent) count() {
	m, s, old := a.c.marks, a.control.Stats(), &a.stats
	m.Add(SlotLost, s.SlotsLost-old.SlotsLost)
	m.Add(EntryVoid, s.EntriesVoid-old.EntriesVoid)
	m.Add(EntryStreamed, s.EntriesStreamed-old.EntriesStreamed)
	m.Add(SnapshotMade, s.Snapshots-old.Snapshots)
	m.Add(SnapshotFallback, s.PassedOver-old.PassedOver)
	m.Add(EntriesTruncated, s.Truncated-old.Truncated)
	m.Add(SlotKept, s.Kept-old.Kept)
	m.Add(CommandRedecided, s.Redecided-old.Redecided)
	m.Add(CommandRepeated, s.Repeated-old.Repeated)
	m.Add(CommandGap, s.Gaps-old.Gaps)
	m.Add(CommandStranger, s.Strangers-old.Strangers)
	m.Add(TurnGiven, s.TurnsGiven-old.TurnsGiven)
	m.Add(TurnTaken, s.TurnsTaken-old.TurnsTaken)
	m.Add(SequencerBypassed, s.Bypassed-old.Bypassed)
	m.Add(AgentChallenged, s.Challenged-old.Challenged)
	m.Add(AttemptAdopted, s.Journal.Adopted-old.Journal.Adopted)
	m.Add(WriterOvertaken, s.Journal.Overtaken-old.Journal.Overtaken)
	m.Add(SlotListed, s.Journal.Listed-old.Journal.Listed)
	m.Add(SlotAnchored, s.Journal.Anchored-old.Journal.Anchored)
	a.stats = s
	g := a.ingest.Stats()
	m.Add(BatchParked, g.Parked-a.gather.Parked)
	m.Add(CommitTooLate, g.TooLate-a.gather.TooLate)
	m.Add(SegmentRode, g.Rode-a.gather.Rode)
	a.gather = g
	var hedges int64
	var landed, merged jobs.OfferStats
	var removed int64
	if a.whole != nil {
		w := a.whole.Stats()
		hedges, landed.Accepted, merged.Accepted = int64(w.Hedges), int64(w.Landings), int64(w.Merges)
		removed = int64(w.FilesRemoved)
		asTheyLay, rewritten := int64(w.BatchesAsTheyLay), int64(w.BatchesOut-w.BatchesAsTheyLay)
		m.Add(BatchAsItLay, asTheyLay-a.asTheyLay)
		m.Add(BatchRewritten, rewritten-a.rewritten)
		a.asTheyLay, a.rewritten = asTheyLay, rewritten
	} else {
		hedges, landed, merged = a.hedge.Stats().Sent, a.land.Stats(), a.merge.Stats()
		removed = a.garbage.Stats().Removed
	}
	m.Add(BucketHedged, hedges-a.hedges)
	m.Add(RidersLanded, landed.Accepted-a.landed.Accepted)
	m.Add(ContainerRefused, landed.Refused-a.landed.Refused)
	m.Add(ExtentsMerged, merged.Accepted-a.merged.Accepted)
	m.Add(MergeRefused, merged.Refused-a.merged.Refused)
	m.Add(FilesRemoved, removed-a.removed)
	a.hedges, a.landed, a.merged, a.removed = hedges, landed, merged, removed
	if self := a.control.Self(); self != 0 && self != a.seen {
		if a.seen != 0 {
			m.Hit(AgentExpired)
		}
		a.seen = self
		a.c.audit.numbered(a, self)
	}
}

// stop ends the agent as a SIGTERM does, within d.
func (a *agent) stop(d time.Duration) {
	end := a.p.Now().Add(d)
	if a.whole != nil {
		a.whole.Drain(end)
		return
	}
	a.ingest.Stop(end)
	a.land.Stop(end)
	a.merge.Stop(end)
	a.garbage.Stop(end)
	a.control.Stop(end)
	if a.node != nil {
		a.node.Stop(end)
	}
}

// kill ends the agent where it is.
func (a *agent) kill() {
	a.up = false
	for _, c := range a.conns {
		c.broken()
	}
	a.p.Kill()
}

// ask runs f in an agent's process and waits for its answer in the caller's, at most d.
func ask[T any](by *sim.Proc, a *agent, d time.Duration, f func() (T, error)) (T, error) {
	answer := env.NewFuture[T](by)
	a.p.Go("ask", func() { answer.Set(f()) })
	return answer.Wait(by.Now().Add(d))
}

// logHandler writes what the product logs into the world's log.
type logHandler struct {
	w     *sim.World
	audit *Auditor
	deaf  bool // see Options.Deaf
	attrs string
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(at slog.Attr) bool {
		b.WriteString(" " + at.String())
		return true
	})
	h.w.Logf("%v %s%s%s", r.Level, r.Message, h.attrs, b.String())
	if strings.Contains(r.Message, "because of a bug") && !h.deaf {
		h.audit.violated(CheckPanic, "%s%s", r.Message, b.String())
	}
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	for _, at := range attrs {
		n.attrs += " " + at.String()
	}
	return &n
}

func (h *logHandler) WithGroup(string) slog.Handler { return h }
