package coord

import (
	"log/slog"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// Journal is what coord asks of control.
type Journal interface {
	View() meta.View
	Propose(op meta.Op) *env.Future[*meta.Verdict]
	Barrier(deadline time.Time) (meta.View, error)
	Subscribe(f func(control.Change))
	Now() base.Millis
	Self() base.Incarnation
	Rules() meta.Rules
	Interest(n int)
	Active()
	Err() error
}

// Coord serves groups. Its methods are safe for concurrent use, and none of them waits.
type Coord struct {
	env     env.Env
	journal Journal
	group   string // agent group: clients are sent to no other agents
	log     *slog.Logger
	stop    *env.Stopper

	mu      sync.Mutex
	wake    env.Cond
	news    bool // a View with other groups or agents was published
	closed  bool
	parked  btree.Map[string, *parking]
	tended  btree.Map[string, *tended]
	doubts  []func(meta.View, error) // who waits for the next barrier
	probing bool
	configs []config.KV // what rules was made of
	rules   *group.Config
}

// New makes a Coord for an agent of that agent group, and starts it. To be called before the journal is started.
func New(e env.Env, journal Journal, agentGroup string, log *slog.Logger) *Coord {
	c := &Coord{env: e, journal: journal, group: agentGroup, log: log, stop: env.NewStopper(e)}
	c.wake = e.NewCond(&c.mu)
	journal.Subscribe(c.changed)
	c.stop.OnStop(c.close)
	c.stop.Go("coord", newKeeper(c).run)
	c.stop.Go("coord offsets", c.expireOffsets)
	return c
}

// Stop answers all who wait with COORDINATOR_NOT_AVAILABLE and ends what runs, by deadline. The sessions end with it:
// another agent adopts the members once this one is deregistered.
func (c *Coord) Stop(deadline time.Time) {
	c.stop.Stop()
	c.stop.Wait(deadline)
}

func (c *Coord) close() {
	c.mu.Lock()
	c.closed = true
	c.wake.Broadcast()
	c.mu.Unlock()
	c.failParked()
}

// changed takes note of a publication; it runs in the loop of control.
func (c *Coord) changed(ch control.Change) {
	if !ch.Groups && !ch.Agents && !ch.Everything {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news = true
	c.wake.Broadcast()
}
