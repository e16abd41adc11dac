package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/agent"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/latency"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/meter"
)

// load is what is asked of the agents.
type load struct {
	seed      uint64
	producers int
	perSecond float64
	bytes     int
	lasts     time.Duration
}

const agents = 3

// measured is what came of it.
type measured struct {
	produce, endToEnd   latencies
	entries, puts, gets int64
	hedges              int64
	lasted              time.Duration
}

// latencies are all that were measured.
type latencies []time.Duration

func (l latencies) quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[int(q*float64(len(l)-1))]
}

// world is three agents and their clients.
type world struct {
	load
	w        *sim.World
	profile  latency.Profile
	timeout  time.Duration
	way      way
	store    *memstore.Store
	agents   []*agent.Agent
	meters   []*meter.Store
	topic    base.TopicID
	failed   error
	measures bool // what happens now counts
	measured measured
}

// measure runs a world of its own.
func measure(o load, profile latency.Profile, timeout time.Duration, as way) (*measured, error) {
	x := &world{load: o, w: sim.NewWorld(o.seed), profile: profile, timeout: timeout, way: as, topic: base.TopicID{1}}
	x.store = memstore.New(func() time.Time { return time.Unix(1_700_000_000, 0).Add(x.w.Elapsed()).Truncate(time.Second) })
	err := x.w.Run(x.play)
	if err == nil {
		err = x.failed
	}
	slices.Sort(x.measured.produce)
	slices.Sort(x.measured.endToEnd)
	return &x.measured, err
}

func (x *world) fail(err error) {
	if x.failed == nil {
		x.failed = err
	}
}

func (x *world) play(main *sim.Proc) {
	for i := range agents {
		x.start(main, fmt.Sprintf("agent%d", i))
	}
	for x.failed == nil && len(x.agents) < agents {
		main.Sleep(100 * time.Millisecond)
	}
	if x.failed != nil {
		return
	}
	create := &log.CreateTopic{Name: topicName, ID: x.topic, Partitions: int32(agents * x.producers)}
	if v, err := x.agents[0].Control().Propose(create).Wait(time.Time{}); err != nil || v.Kind() != base.OK {
		x.fail(fmt.Errorf("the topic could not be made: %v %v", v, err))
		return
	}
	main.Sleep(2 * time.Second) // the others hear of it
	for i := range agents {
		x.consume(i)
		for k := range x.producers {
			x.produce(i, k)
		}
	}
	main.Sleep(x.lasts / 4)
	before := x.counts()
	x.measures = true
	main.Sleep(x.lasts)
	x.measures = false
	after := x.counts()
	m := &x.measured
	m.entries, m.puts, m.gets, m.hedges, m.lasted = after[0]-before[0], after[1]-before[1], after[2]-before[2], after[3]-before[3], x.lasts
	if len(m.produce) == 0 || len(m.endToEnd) == 0 {
		x.fail(fmt.Errorf("%d batches acknowledged, %d read", len(m.produce), len(m.endToEnd)))
	}
}

// start starts an agent in a process of its own.
func (x *world) start(main *sim.Proc, name string) {
	p := x.w.Proc(name)
	started := false
	p.Go("agent", func() {
		started = true
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		m := meter.New(p, latency.New(p, x.store, x.profile))
		config := agent.Config{Listen: kafkaPort, Peer: ":9094", Roles: admin.AllRoles, BatchTimeout: x.timeout, BatchBytes: 8 << 20,
			MemoryBytes: 384 << 20, NoHedges: !x.way.hedges, NoRides: !x.way.rides, Log: quiet}
		a, err := agent.New(context.Background(), p, m, config, console.NewMetrics())
		if err == nil {
			err = a.Start()
		}
		if err != nil {
			x.fail(fmt.Errorf("%s: %w", name, err))
			return
		}
		x.agents, x.meters = append(x.agents, a), append(x.meters, m)
	})
	before := len(x.agents)
	for !started || x.failed == nil && len(x.agents) == before {
		main.Sleep(50 * time.Millisecond) // one after the other: the first is the sequencer
	}
}

// counts adds up entries, PUTs, GETs and hedges of all agents.
func (x *world) counts() (n [4]int64) {
	for i, a := range x.agents {
		s := a.Stats()
		n[0] += int64(s.EntriesWritten)
		n[3] += int64(s.Hedges)
		for _, op := range x.meters[i].Snapshot() {
			switch op.Name {
			case "put", "put-if-absent":
				n[1] += int64(op.Requests)
			case "get":
				n[2] += int64(op.Requests)
			}
		}
	}
	return n
}
