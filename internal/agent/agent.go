package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/broker"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/jobs/garbage"
	"github.com/millrace-io/millrace/internal/jobs/land"
	"github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/jobs/retain"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/hedge"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/objstore/probe"
	"github.com/millrace-io/millrace/internal/objstore/retry"
	"github.com/millrace-io/millrace/internal/peer"
)

// Config is what an agent is started with.
type Config struct {
	Listen    string // address for Kafka clients
	Advertise string // host or host:port that others are told; empty: this machine's name and the port of Listen
	Peer      string // address for other agents; "auto": any port; "off": none
	HTTP      string // where its pages are reached, for others to know
	Zone      string
	Group     string
	Roles     admin.Roles

	BatchTimeout time.Duration
	BatchBytes   int
	MemoryBytes  int64
	Descriptors  uint64            // that the process may have open; 0: unlimited
	Kafka        map[string]string // broker settings
	W            time.Duration     // journal.W, but for simulations; 0 is journal.W
	Pace         control.Pace      // control.DefaultPace, but for simulations, if zero
	Level        uint16            // meta.FeatureLevel, but for simulations, if zero
	Land         land.Pace         // land.DefaultPace, but for simulations, if zero
	Merge        merge.Pace        // merge.DefaultPace, but for simulations, if zero
	FirstPiece   int               // broker.FirstPiece, but for simulations, if zero
	Rooms        broker.Rooms      // of large Produces; nil: memory of Go's heap
	NoHedges     bool              // slow requests are not sent twice: for measurements
	NoRides      bool              // no segment rides in a journal entry: for measurements and simulations
	Version      string
	Log          *slog.Logger
}

// Agent is one running agent.
type Agent struct {
	env     env.Env
	config  Config
	meter   *meter.Store
	hedge   *hedge.Store // nil: requests are not hedged
	metrics *console.Metrics
	failed  chan error

	cluster  journal.Cluster
	bucket   objstore.Store
	listener net.Listener
	peers    *peer.Node
	control  *control.Control
	ingest   *ingest.Ingest
	cache    *cache.Cache
	fetch    *fetch.Fetch
	coord    *coord.Coord
	retain   *retain.Job
	land     *land.Job
	merge    *merge.Job
	garbage  *garbage.Job
	broker   *broker.Broker
	answers  *env.Semaphore // for records on their way to clients, those in memory

	phase phase
}

// New proves the bucket fit, opens the cluster and the agent's ports, and puts the rooms together. Nothing is served
// before Start.
func New(ctx context.Context, e env.Env, store *meter.Store, config Config, metrics *console.Metrics) (*Agent, error) {
	if config.W == 0 {
		config.W = journal.W
	}
	a := &Agent{env: e, config: config, meter: store, metrics: metrics, failed: make(chan error, 1)}
	if config.Log != nil {
		store.Watch((&troubles{env: e, log: config.Log}).note)
	}
	a.warnSlowed()
	// The probe asks who won a race: a hedge of the winner's would be told that somebody had.
	if err := probe.Run(ctx, e, retry.New(e, store, retry.DefaultPolicy), a.nonce()); err != nil {
		return nil, err
	}
	var fast objstore.Store = store
	if !config.NoHedges {
		a.hedge = hedge.New(e, store, config.MemoryBytes/hedgeShare)
		fast = a.hedge
	}
	bucket := retry.New(e, fast, retry.DefaultPolicy)
	cluster, err := journal.OpenCluster(ctx, e, bucket)
	if err != nil {
		return nil, err
	}
	if err := journal.Survey(ctx, e, bucket, cluster); err != nil {
		return nil, err
	}
	if err := a.listen(cluster); err != nil {
		return nil, err
	}
	a.warnUnresolved()
	a.cluster, a.bucket = cluster, bucket
	a.assemble()
	return a, nil
}

// nonce names the scratch objects of this start's probe.
func (a *Agent) nonce() string {
	var b [16]byte
	for i := 0; i < len(b); i += 8 {
		v := a.env.Uint64()
		for k := range 8 {
			b[i+k] = byte(v >> (8 * k))
		}
	}
	return hex.EncodeToString(b[:])
}

func (a *Agent) listen(cluster journal.Cluster) error {
	l, err := a.env.Listen(a.config.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen for Kafka clients on %s: %w; choose another address with --listen", a.config.Listen, err)
	}
	a.listener = l
	if a.config.Peer == "off" || a.config.Peer == "" {
		return nil
	}
	addr := a.config.Peer
	if addr == "auto" {
		host, _, err := net.SplitHostPort(a.config.Listen)
		if err != nil {
			host = ""
		}
		addr = net.JoinHostPort(host, "0")
	}
	if a.peers, err = peer.Listen(a.env, addr, cluster.ID, a.config.Log); err != nil {
		_ = l.Close()
	}
	return err
}

// HostName is this machine's name for other machines; 127.0.0.1 when it has none that resolves.
func HostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "127.0.0.1"
	}
	if _, err := net.LookupHost(name); err != nil {
		return "127.0.0.1"
	}
	return name
}

// warnSlowed says so if the bucket is slow on purpose: nobody shall take that for the speed of Millrace.
func (a *Agent) warnSlowed() {
	if slow := a.meter.Info().Latency; slow != "" && a.config.Log != nil {
		a.config.Log.Warn("ARTIFICIAL LATENCY IS ON: this bucket is slowed down on purpose, for measurements only; leave latency= out of its URL to end that", "latency", slow)
	}
}

// warnUnresolved says so if not even this machine can resolve what clients are told.
func (a *Agent) warnUnresolved() {
	host, _, err := net.SplitHostPort(a.Advertised())
	if err != nil || a.config.Advertise == "" || a.config.Log == nil {
		return
	}
	if _, err := net.LookupHost(host); err != nil {
		a.config.Log.Warn("clients are told to connect to a host that this machine cannot resolve; if they cannot either, correct --advertise", "advertise", a.Advertised(), "error", err)
	}
}

// Advertised is the host:port that clients are told.
func (a *Agent) Advertised() string { return advertised(a.listener.Addr(), a.config) }

// advertised joins the host and port to be told to others with what was listened on. An agent that listens on one
// address only is reached there and nowhere else.
func advertised(at net.Addr, c Config) string {
	if _, _, err := net.SplitHostPort(c.Advertise); err == nil {
		return c.Advertise
	}
	return HostPort(at, c.Advertise)
}

// HostPort is where others reach a listener at at: on the host that advertise names, with or without a port.
func HostPort(at net.Addr, advertise string) string {
	return net.JoinHostPort(hostOf(at, advertise), portOf(at))
}

func portOf(at net.Addr) string {
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return "9092"
	}
	return port
}

func hostOf(at net.Addr, advertise string) string {
	if advertise != "" {
		if host, _, err := net.SplitHostPort(advertise); err == nil {
			return host
		}
		return strings.Trim(advertise, "[]")
	}
	if host, _, err := net.SplitHostPort(at.String()); err == nil {
		if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
			return host
		}
	}
	return HostName()
}

func (a *Agent) profile() admin.Profile {
	c := a.config
	p := admin.Profile{Kafka: a.Advertised(), HTTP: c.HTTP, Zone: c.Zone, Group: c.Group, Roles: c.Roles, Version: c.Version}
	if a.peers != nil {
		p.Peer = HostPort(a.peers.Addr(), c.Advertise)
	}
	return p
}

// How the memory of an agent is shared out; the rest is for the state, the segments under way and the runtime.
const (
	framesShare = 3 // of requests: a third
	cacheShare  = 5
	answerShare = 6
	mergeShare  = 8
	hedgeShare  = 15 // at the least memory that an agent may have: one journal entry
)

// openShare: a fourth of the descriptors may be for files of a bucket that is a folder. The rest is for connections of clients and
// agents, and for what is being written.
const openShare = 4

// openMax is how many files may be held open.
func openMax(descriptors uint64) int {
	if descriptors == 0 {
		return cache.OpenMax
	}
	return int(min(cache.OpenMax, max(descriptors/openShare, 1)))
}

func (a *Agent) assemble() {
	c, e, bucket := a.config, a.env, a.bucket
	var peers control.Peers
	if a.peers != nil {
		peers = a.peers
	}
	opener := a.meter.Opener()
	a.cache = cache.New(e, cache.Source{Store: bucket, Opener: opener, OpenMax: openMax(c.Descriptors), Riders: a.riders}, c.MemoryBytes/cacheShare)
	a.control = control.New(e, bucket, a.cluster, control.Config{Profile: a.profile(), Static: c.Kafka, W: c.W, Pace: c.Pace, Level: c.Level, Log: c.Log,
		Rode: func(ref base.FileRef, body []byte) { a.cache.Put(ref, bytes.Clone(body)) }}, peers)
	gathering := ingest.Config{BatchTimeout: c.BatchTimeout, BatchBytes: c.BatchBytes, Log: c.Log, Rides: !c.NoRides}
	if opener == nil { // else the kernel has it from the first who reads it on, and it need not be there twice
		gathering.Uploaded = a.cache.Put
	}
	a.ingest = ingest.New(e, a.control, bucket, gathering)
	a.land = land.New(e, a.control, bucket, land.Source{Cached: a.cache.Whole, Riders: a.riders}, c.Land, c.Log)
	a.merge = merge.New(e, a.control, bucket, c.Merge, c.MemoryBytes/mergeShare, c.Log)
	a.garbage = garbage.New(e, a.control, bucket, c.Log)
	a.answers = env.NewSemaphore(e, c.MemoryBytes/answerShare)
	a.fetch = fetch.New(e, a.control, a.cache, fetch.Config{Memory: a.answers, Log: c.Log})
	a.coord = coord.New(e, a.control, c.Group, c.Log)
	a.broker = broker.New(e, broker.Config{Group: c.Group, Memory: c.MemoryBytes / framesShare, FirstPiece: c.FirstPiece, Rooms: c.Rooms, Watch: newObserver(e, a.metrics), Log: c.Log},
		broker.Deps{Journal: a.control, Ingest: a.ingest, Fetch: a.fetch, Coord: a.coord})
}

// riders reads what rides in a journal entry.
func (a *Agent) riders(ctx context.Context, slot base.Slot) ([]log.Rider, error) {
	return control.ReadRiders(ctx, a.bucket, slot)
}

// Start joins the cluster and serves. It returns once clients are served.
func (a *Agent) Start() error {
	if a.peers != nil {
		a.peers.Start(a.control, a.control.Self)
	}
	if err := a.control.Start(); err != nil {
		return err
	}
	a.retain = retain.Start(a.env, a.control, a.config.Log)
	a.land.Start()
	a.merge.Start()
	a.garbage.Start()
	a.broker.Serve(a.listener)
	a.phase.set(serving)
	a.env.Go("agent watch", a.watch)
	a.env.Go("agent cluster watch", a.watchCluster)
	return nil
}

// How often the agent looks whether the bucket is still its cluster's: one request, seldom when idle, and often while
// there is something to acknowledge.
const (
	clusterWatchIdle   = 3 * time.Minute
	clusterWatchActive = 15 * time.Second
)

// watchCluster ends the agent when somebody emptied the bucket or founded another cluster in it: what it would
// acknowledge then, nobody could read.
func (a *Agent) watchCluster() {
	acked := int64(0)
	for looked := a.env.Now(); a.phase.get() == serving; a.env.Sleep(200 * time.Millisecond) {
		every := clusterWatchIdle
		if a.ingest.Stats().Batches != acked {
			every = clusterWatchActive
		}
		if a.env.Now().Sub(looked) < every {
			continue
		}
		looked, acked = a.env.Now(), a.ingest.Stats().Batches
		ctx, cancel := a.env.WithTimeout(context.Background(), clusterWatchActive)
		err := a.cluster.Still(ctx, a.env, a.bucket)
		cancel()
		if errors.Is(err, journal.ErrReplaced) {
			a.fail(err)
			return
		}
	}
}

func (a *Agent) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// watch reports when the journal cannot be followed any more: there is nothing left to serve then.
func (a *Agent) watch() {
	for a.phase.get() == serving {
		if err := a.control.Err(); err != nil {
			a.fail(err)
			return
		}
		a.env.Sleep(200 * time.Millisecond)
	}
}

// Control is the agent's hand on the journal, for those who watch over it; a simulation's auditor subscribes to its
// views between New and Start.
func (a *Agent) Control() *control.Control { return a.control }

// Ingest is where its records gather, for the same.
func (a *Agent) Ingest() *ingest.Ingest { return a.ingest }

// Failed gives the error that ends the agent, if one does.
func (a *Agent) Failed() <-chan error { return a.failed }

// Drain ends the agent in order: it takes no more connections, answers what is under way, hands its groups over by
// leaving, deregisters, and stops. The error says what the deadline did not leave time for.
func (a *Agent) Drain(deadline time.Time) error {
	a.phase.set(draining)
	a.fetch.Stop() // long polls are answered now: the broker waits for their answers
	var cut error
	if !a.broker.Drain(deadline) {
		cut = errors.New("requests under way were not answered in time: clients ask other agents again")
	}
	a.ingest.Stop(deadline)
	a.stopRooms(deadline)
	err := a.control.Stop(deadline)
	if err != nil {
		err = fmt.Errorf("the agent could not deregister, others will take its place when its lease ends: %w", err)
	}
	a.stopPeers(deadline)
	return errors.Join(cut, err)
}

func (a *Agent) stopRooms(deadline time.Time) {
	if a.retain != nil {
		a.retain.Stop(deadline)
	}
	a.land.Stop(deadline)
	a.merge.Stop(deadline)
	a.garbage.Stop(deadline)
	a.coord.Stop(deadline)
	a.fetch.Stop()
	a.cache.Stop(deadline)
}

// Kill ends the agent as it is, leaving everything to others.
func (a *Agent) Kill(deadline time.Time) {
	a.phase.set(draining)
	a.control.Kill(a.env.Now())
	a.broker.Drain(a.env.Now())
	a.ingest.Stop(a.env.Now())
	a.stopRooms(a.env.Now())
	a.stopPeers(deadline)
}

func (a *Agent) stopPeers(deadline time.Time) {
	if a.peers != nil {
		a.peers.Stop(deadline)
	}
}
