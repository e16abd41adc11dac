package control

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Config is what an agent brings along.
type Config struct {
	Profile admin.Profile     // how it registers; the nonce is drawn here
	Static  map[string]string // the agent's own Kafka broker settings
	W       time.Duration     // journal.W, but for simulations
	Pace    Pace              // DefaultPace, if zero
	Level   uint16            // the feature level that this agent knows: meta.FeatureLevel, but for simulations of others, if zero
	Log     *slog.Logger
	// Rode, if set, is given every data file that rides in an entry which is applied as it comes, for the cache: before the
	// View that speaks of it is published. It must not wait, and the body is not its to keep.
	Rode func(ref base.FileRef, body []byte)
}

// Control is one agent's hand on the journal. Its methods are safe for concurrent use.
type Control struct {
	env     env.Env
	config  Config
	store   objstore.Store
	cluster journal.Cluster
	stop    *env.Stopper
	ctx     context.Context
	log     *slog.Logger
	peers   Peers

	view      atomic.Pointer[meta.State]
	self      atomic.Uint32
	sequencer atomic.Uint32
	interest  atomic.Int64
	counts    counters

	// The mailbox of the loop.
	mu        sync.Mutex
	wake      env.Cond
	calls     []*call // unresolved, in the order proposed
	barriers  []*env.Future[meta.View]
	news      []news // from peers
	newsBytes int
	kicked    bool // look at the journal at once
	rethink   bool // when to look at it next
	suspect   bool // a client may have lost its agent
	suspected time.Time
	draining  bool
	failure   error     // why the loop ended
	bypass    time.Time // until then the sequencer is not relied upon
	active    time.Time // when a client was last served something worth an active lease

	loop loop
	subs []func(Change)
}

// Change is what an entry, or several at once, touched.
type Change struct {
	View       meta.View
	Partitions []base.PartitionKey // with new records or a new log start
	Topics     bool                // created, deleted, altered
	Groups     bool
	Agents     bool
	Everything bool // the state was loaded anew: look at all of it
}

// New makes the Control of an agent in cluster. peers may be nil: no agent-to-agent traffic.
func New(e env.Env, store objstore.Store, cluster journal.Cluster, config Config, peers Peers) *Control {
	if config.Pace == (Pace{}) {
		config.Pace = DefaultPace
	}
	if config.Level == 0 {
		config.Level = meta.FeatureLevel
	}
	c := &Control{env: e, store: store, config: config, cluster: cluster, stop: env.NewStopper(e), log: config.Log, peers: peers}
	c.ctx = c.stop.Context()
	c.wake = e.NewCond(&c.mu)
	c.loop = loop{c: c, journal: journal.Open(e, store, cluster, config.W), state: meta.New()}
	c.view.Store(c.loop.state)
	c.stop.OnStop(c.nudge)
	return c
}

// Subscribe has f called after every publication, in the loop's goroutine: it must be quick and never wait. To be
// called before Start.
func (c *Control) Subscribe(f func(Change)) { c.subs = append(c.subs, f) }

// View is the newest published state.
func (c *Control) View() meta.View { return c.view.Load() }

// Self is the agent's incarnation: 0 before it is registered. It changes when the agent was expired.
func (c *Control) Self() base.Incarnation { return base.Incarnation(c.self.Load()) }

// ClusterID is the cluster's id as Kafka clients see it.
func (c *Control) ClusterID() string { return c.cluster.ID }

// Rules are the settings that decisions are made by, at this moment.
func (c *Control) Rules() meta.Rules {
	return meta.NewRules(c.config.Static, c.View().Admin.Configs())
}

// Now is the bucket's time as well as it can be told: a follower hears little of the bucket itself, so the local clock
// carries it on. Entries are stamped by a stricter one.
func (c *Control) Now() base.Millis {
	now, _ := c.loop.journal.Guess()
	return max(now, c.View().Time)
}

// Interest adds n (which may be negative) to the number of those who wait for news from other agents: while it is
// above 0 and agents out of reach are active, the journal is looked at often.
func (c *Control) Interest(n int) {
	if c.interest.Add(int64(n)) == int64(n) && n > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.rethink = true
		c.wake.Broadcast()
	}
}

// Suspect tells that a client asks where to turn to: it may have lost its agent. Idle agents of which nobody can tell that
// they live are then asked to show it, so that those who do not are out of the way soon. To be called for every Metadata
// request; it is cheap.
func (c *Control) Suspect() {
	now := c.env.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.suspected) >= time.Second {
		c.suspect, c.suspected = true, now
		c.wake.Broadcast()
	}
}

// Err says why the loop ended by itself: a broken promise of the store, damage, a newer format. nil while all is well.
func (c *Control) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// Start loads the newest snapshot and the journal's tail, registers the agent and begins to serve the others. It
// returns when the View is as new as the journal was at the call.
func (c *Control) Start() error {
	began := c.env.Now()
	if err := c.loop.load(); err != nil {
		return err
	}
	if err := c.loop.register(); err != nil {
		return err
	}
	slot, _ := c.loop.journal.Position()
	c.log.Info("joined the cluster", "cluster", c.cluster.ID, "agent", c.Self(), "slot", slot, "took", c.env.Now().Sub(began).Round(time.Millisecond))
	c.stop.Go("control", c.loop.run)
	c.stop.Go("control tick", c.ticks)
	c.stop.Go("control watch", c.watch)
	return nil
}

// Stop ends the agent's part in the journal: it deregisters, if the store lets it within the deadline, and ends the
// loop. Commands that are still unresolved fail with base.Stopping. The error says why the agent could not deregister:
// others will expire it.
func (c *Control) Stop(deadline time.Time) error {
	c.mu.Lock()
	c.draining = true
	c.mu.Unlock()
	var err error
	if c.Self() != 0 && c.Err() == nil {
		_, err = c.Propose(&admin.Deregister{}).Wait(deadline)
	}
	c.Kill(deadline)
	return err
}

// Kill ends the loop as it is, without a word to the journal.
func (c *Control) Kill(deadline time.Time) {
	c.stop.Stop()
	c.stop.Wait(deadline)
	c.failAll(base.Errorf(base.Stopping, "the agent is stopping"))
}

// nudge wakes the loop.
func (c *Control) nudge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake.Broadcast()
}

// Kick has the loop look at the journal at once.
func (c *Control) Kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kicked = true
	c.wake.Broadcast()
}
