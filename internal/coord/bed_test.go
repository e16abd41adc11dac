package coord_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// bed is a world with one bucket, and agents that have nothing in common but it.
type bed struct {
	*sim.World
	main     *sim.Proc
	bucket   *memstore.Store
	agents   []*agent
	requests int // that the bucket was sent
}

// agent is one process.
type agent struct {
	proc    *sim.Proc
	control *control.Control
	*coord.Coord
	expiries int           // proposed
	frozen   time.Duration // until then, in the world's time, it stands still and hears nobody
}

// watched is the journal as coord has it, with a count of what it proposes.
type watched struct {
	*control.Control
	a *agent
}

func (w watched) Propose(op meta.Op) *env.Future[*meta.Verdict] {
	if _, ok := op.(*group.ExpireMember); ok {
		w.a.expiries++
	}
	return w.Control.Propose(op)
}

// freeze stops the agent's process for a while, as a machine that swaps does.
func (b *bed) freeze(a *agent, d time.Duration) {
	a.frozen = b.Elapsed() + d + time.Second // what clients sent is read a little later
	a.proc.Pause(d)
	b.main.Sleep(d)
}

// seeds is how many a story is told under.
const seeds = 8

// simulate runs a story under some seeds. A story fails by panicking.
func simulate(t *testing.T, story func(b *bed)) {
	t.Helper()
	for seed := range uint64(seeds) {
		simulateOne(t, seed, story)
	}
}

// simulateOne gives a digest of all that happened.
func simulateOne(t *testing.T, seed uint64, story func(b *bed)) uint64 {
	t.Helper()
	w := sim.NewWorld(seed)
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	b := &bed{World: w, bucket: memstore.New(func() time.Time { return start.Add(w.Elapsed()).Truncate(time.Second) })}
	err := w.RunFor(20*24*time.Hour, func(main *sim.Proc) {
		b.main = main
		story(b)
	})
	if err != nil {
		t.Fatal(err)
	}
	return w.Digest()
}

// start starts an agent, by default with Kafka's settings but without the wait for more members of a new group.
func (b *bed) start(name string, settings ...string) *agent {
	a := &agent{proc: b.Proc(name)}
	static := map[string]string{"group.initial.rebalance.delay.ms": "0"}
	for i := 0; i < len(settings); i += 2 {
		static[settings[i]] = settings[i+1]
	}
	up := false
	a.proc.Go("start", func() {
		store := &latent{b.bucket, b, a.proc}
		cluster, err := journal.OpenCluster(context.Background(), a.proc, store)
		check(err)
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		a.control = control.New(a.proc, store, cluster, control.Config{
			Profile: admin.Profile{Kafka: name + ":9092", Roles: admin.AllRoles}, Static: static, W: journal.W, Log: quiet,
		}, nil)
		a.Coord = coord.New(a.proc, watched{a.control, a}, "", quiet)
		check(a.control.Start())
		// The stories begin with agents that know each other.
		for _, other := range append(b.agents, a) {
			_, err := other.control.Barrier(b.soon())
			check(err)
		}
		up = true
	})
	b.until("agent "+name+" is up", 10*time.Second, func() bool { return up })
	b.agents = append(b.agents, a)
	return a
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// until waits for something to become true.
func (b *bed) until(what string, within time.Duration, cond func() bool) {
	for began := b.Elapsed(); !cond(); b.main.Sleep(10 * time.Millisecond) {
		if b.Elapsed()-began > within {
			panic(fmt.Sprintf("not within %v: %s", within, what))
		}
	}
}

// during holds that something stays true.
func (b *bed) during(what string, span time.Duration, cond func() bool) {
	for began := b.Elapsed(); b.Elapsed()-began < span; b.main.Sleep(50 * time.Millisecond) {
		if !cond() {
			panic(fmt.Sprintf("not true any more after %v: %s", b.Elapsed()-began, what))
		}
	}
}

func (a *agent) group(name string) *group.Group { return a.control.View().Groups.Get(name) }

// tends reports whether the agent is, by its own View, the consumer's tender.
func (a *agent) tends(c *consumer) bool {
	m := a.group(groupName).Member(c.id)
	return m != nil && m.Tender == a.control.Self()
}

func (b *bed) soon() time.Time { return b.main.Now().Add(time.Minute) }

// consumer is a client: it joins, syncs and heartbeats through one agent, as often as it must, and assigns as a leader
// each member an equal part.
type consumer struct {
	b          *bed
	at         *agent
	name       string
	instance   *string
	version    int16
	session    time.Duration
	id         string
	generation int32
	assignment string
	kinds      []base.Kind // answers to heartbeats that were neither OK nor REBALANCE_IN_PROGRESS
	joins      int
	thinks     time.Duration // between its join and its sync
	dead       bool
}

const groupName = "readers"

// consume starts a consumer with a session of 10 s that heartbeats every 3 s.
func (b *bed) consume(at *agent, name string, with ...func(*consumer)) *consumer {
	c := &consumer{b: b, at: at, name: name, version: 9, session: 10 * time.Second}
	for _, f := range with {
		f(c)
	}
	b.main.Go("consumer "+name, c.run)
	return c
}

func static(instance string) func(*consumer) { return func(c *consumer) { c.instance = &instance } }

func (c *consumer) run() {
	for !c.dead {
		if !c.join() {
			c.b.main.Sleep(100 * time.Millisecond)
			continue
		}
		for !c.dead {
			c.b.main.Sleep(3 * time.Second)
			c.b.main.Sleep(c.at.frozen - c.b.Elapsed())
			if c.dead {
				return
			}
			k, err := c.at.Heartbeat(coord.Beat{Group: groupName, MemberID: c.id, InstanceID: c.instance, Generation: c.generation}).Wait(c.b.soon())
			check(err)
			if k == base.OK || k == base.CoordinatorNotAvailable {
				continue
			}
			if k != base.RebalanceInProgress {
				c.kinds = append(c.kinds, k)
			}
			break
		}
	}
}

// join gets the consumer into a generation, or reports false.
func (c *consumer) join() bool {
	c.assignment = ""
	j, err := c.at.Join(group.Join{
		Group: groupName, MemberID: c.id, InstanceID: c.instance, RequireKnownID: c.version >= 4, ClientID: c.name, ClientHost: "/127.0.0.1",
		ProtocolType: "consumer", Protocols: []group.Protocol{{Name: "range", Metadata: []byte(c.name)}},
		SessionTimeoutMs: int32(c.session.Milliseconds()), RebalanceTimeoutMs: 20_000,
	}, c.version).Wait(c.b.soon())
	check(err)
	switch {
	case c.dead:
		return false
	case j.Kind == base.MemberIDRequired:
		c.id = j.MemberID
		return false
	case j.Kind == base.UnknownMemberID:
		c.id = ""
		return false
	case j.Kind != base.OK:
		return false
	}
	c.joins++
	c.id, c.generation = j.MemberID, j.Generation
	s := group.Sync{Group: groupName, MemberID: c.id, InstanceID: c.instance, Generation: c.generation}
	for i, m := range j.Members {
		s.Assignments = append(s.Assignments, group.Assignment{MemberID: m.MemberID, Bytes: fmt.Appendf(nil, "%d of %d", i+1, len(j.Members))})
	}
	c.b.main.Sleep(c.thinks)
	if j.SkipAssignment {
		s.Assignments = nil
	}
	r, err := c.at.Sync(s).Wait(c.b.soon())
	check(err)
	if r.Kind != base.OK || c.dead {
		return false
	}
	c.assignment = string(r.Assignment)
	return true
}

// share says which part of the partitions the consumers have, in order.
func share(cs ...*consumer) (s []string) {
	for _, c := range cs {
		s = append(s, c.assignment)
	}
	return s
}

// allOf reports whether the consumers are all there is: each has a part of as many parts.
func allOf(cs ...*consumer) bool {
	seen := map[string]bool{}
	for _, c := range cs {
		seen[c.assignment] = true
	}
	for i := range cs {
		if !seen[fmt.Sprintf("%d of %d", i+1, len(cs))] {
			return false
		}
	}
	return true
}

// latent is the bucket as a process reaches it: it takes time, and is out of reach of the dead.
type latent struct {
	objstore.Store
	b    *bed
	proc *sim.Proc
}

func (s *latent) trip() {
	s.b.requests++
	s.proc.Sleep(s.b.Between(2*time.Millisecond, 20*time.Millisecond))
}

func (s *latent) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	s.trip()
	return s.Store.PutIfAbsent(ctx, key, body)
}

func (s *latent) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	s.trip()
	return s.Store.Put(ctx, key, body...)
}

func (s *latent) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	s.trip()
	return s.Store.GetRange(ctx, key, off, n)
}

func (s *latent) Head(ctx context.Context, key string) (objstore.Meta, error) {
	s.trip()
	return s.Store.Head(ctx, key)
}

func (s *latent) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	s.trip()
	return s.Store.List(ctx, prefix, startAfter, limit)
}
