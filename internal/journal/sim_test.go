package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

const (
	simWriters  = 3
	simPayloads = 40 // of each writer, after its last restart
	simSeeds    = 40
)

// TestManyWritersOnABadBucket: three writers, killed, paused and put to sleep for longer than W, over a bucket that loses
// requests and answers, executes PUTs and DELETEs up to three W late, and dates in whole seconds, a second apart. All agree
// on every slot; what was acknowledged is in the state once, nothing is in it twice. MILLRACE_SIM_SEED replays one seed.
func TestManyWritersOnABadBucket(t *testing.T) {
	first, n := 1, simSeeds
	if s, err := strconv.Atoi(os.Getenv("MILLRACE_SIM_SEED")); err == nil {
		first, n = s, 1
	}
	for _, steady := range []bool{true, false} {
		var sum simCounts
		for seed := first; seed < first+n; seed++ {
			s := newSimulation(uint64(seed), steady)
			if err := s.w.RunFor(24*time.Hour, s.run); err != nil {
				t.Fatalf("steady %v: %v", steady, err)
			}
			sum.add(s.counts)
		}
		t.Logf("steady %v: %+v", steady, sum)
		if n > 1 && (sum.Reloads == 0 || sum.Lost == 0 || sum.Void == 0 || sum.Slots == 0 || sum.Recreated == 0) {
			t.Errorf("steady %v: something never happened, so nothing was tested: %+v", steady, sum)
		}
	}
}

func TestASeedReplays(t *testing.T) {
	var digests []uint64
	for range 2 {
		s := newSimulation(7, true)
		if err := s.w.Run(s.run); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, s.w.Digest())
	}
	if digests[0] != digests[1] {
		t.Error("two runs of one seed differ")
	}
}

// simCounts tells what happened, so that a test without incidents is seen.
type simCounts struct{ Won, Lost, Reloads, Void, Snapshots, Late, Slots, Parts, Kills, Warnings, Recreated int }

func (c *simCounts) add(d simCounts) {
	c.Won += d.Won
	c.Lost += d.Lost
	c.Reloads += d.Reloads
	c.Void += d.Void
	c.Snapshots += d.Snapshots
	c.Late += d.Late
	c.Slots += d.Slots
	c.Parts += d.Parts
	c.Kills += d.Kills
	c.Warnings += d.Warnings
	c.Recreated += d.Recreated
}

// simulation is one world with its auditor, which sees what no agent can.
type simulation struct {
	w       *sim.World
	mem     *memstore.Store
	bucket  *sim.Proc // executes what comes late
	c       Cluster
	healthy bool

	canon  map[base.Slot][32]byte // hash of each slot's entry, by whoever believed it first
	chains map[base.Slot][32]byte
	acked  map[string]bool
	counts simCounts
	done   map[string]bool // by writer's name
}

func newSimulation(seed uint64, steady bool) *simulation {
	s := &simulation{w: sim.NewWorld(seed), canon: map[base.Slot][32]byte{}, chains: map[base.Slot][32]byte{}, acked: map[string]bool{}, done: map[string]bool{}}
	clock := func() time.Time {
		return time.Unix(1_700_000_000, 0).Add(s.w.Elapsed() + s.w.Between(0, time.Second)).Truncate(time.Second)
	}
	var options []memstore.Option
	if !steady {
		options = append(options, memstore.UnsteadyClock())
	}
	s.mem = memstore.New(clock, options...)
	s.bucket = s.w.Proc("bucket")
	return s
}

func (s *simulation) chance(percent uint64) bool { return s.w.Uint64()%100 < percent }

// store is the bucket as process p reaches it.
func (s *simulation) store(p *sim.Proc) objstore.Store {
	fail := func(kind objstore.ErrorKind, key string) error {
		return &objstore.Error{Kind: kind, Key: key, Cause: errors.New("injected")}
	}
	hook := func(op, key string, do func() error) error {
		p.Sleep(s.w.Between(0, 40*time.Millisecond))
		writes := op == "put" || op == "delete"
		switch {
		case s.healthy:
		case s.chance(3):
			return fail(objstore.Throttled, key)
		case s.chance(3):
			return fail(objstore.Other, key)
		case writes && s.chance(4):
			s.bucket.Go("late "+op, func() {
				s.bucket.Sleep(s.w.Between(0, 3*testW))
				s.execute(op, key, do)
			})
			return fail(objstore.Ambiguous, key)
		case writes && s.chance(4):
			s.execute(op, key, do)
			return fail(objstore.Ambiguous, key)
		}
		err := s.execute(op, key, do)
		p.Sleep(s.w.Between(0, 40*time.Millisecond))
		return err
	}
	return &hookedStore{Store: s.mem, hook: hook}
}

func (s *simulation) execute(op, key string, do func() error) error {
	err := do()
	if slot, ok := slotOf(key, entryPrefix); ok && op == "put" && err == nil && s.canon[slot] != [32]byte{} {
		s.counts.Recreated++
	}
	return err
}

func (s *simulation) run(main *sim.Proc) {
	s.c = must(OpenCluster(ctx, main, s.store(main)))
	for i := range simWriters {
		s.start(fmt.Sprintf("w%d", i), 0)
	}
	for len(s.done) < simWriters {
		main.Sleep(s.w.Between(0, testW/4))
		s.disturb(fmt.Sprintf("w%d", s.w.Uint64()%simWriters))
	}
	s.healthy = true
	main.Sleep(4 * testW)
	s.judge(main)
}

// start runs a writer; the lives of one name follow each other.
func (s *simulation) start(name string, life int) {
	p := s.w.Proc(name)
	p.Go("writer", func() {
		a := &simAgent{s: s, p: p, name: fmt.Sprintf("%s.%d", name, life)}
		a.log = Open(p, s.store(p), s.c, testW)
		a.work()
		s.done[name] = true
	})
}

func (s *simulation) disturb(name string) {
	p := s.w.Proc(name)
	switch s.w.Uint64() % 8 {
	case 0:
		p.Pause(s.w.Between(0, 3*testW))
	case 1:
		p.Suspend(s.w.Between(0, 3*testW))
	case 2:
		p.SetClockDrift(int(s.w.Uint64()%200_000) - 100_000)
	case 3:
		s.inject()
	case 4:
		if s.counts.Kills < 6 && !s.done[name] {
			p.Kill()
			s.counts.Kills++
			s.start(name, s.counts.Kills)
		}
	}
}

// inject puts a void entry after the tail, as a pipelining writer that lost the slot before would.
func (s *simulation) inject() {
	tail := base.Slot(0)
	for slot := range s.canon {
		tail = max(tail, slot)
	}
	tail += 1 + base.Slot(s.w.Uint64()%2)
	s.mem.PutIfAbsent(ctx, EntryKey(tail), must(EncodeEntry(Header{Slot: tail, Prev: [32]byte{byte(s.w.Uint64())}}, []byte("void"))))
}

// judge reads everything with a new agent over a bucket that works.
func (s *simulation) judge(main *sim.Proc) {
	a := &simAgent{s: s, p: main, name: "judge", log: Open(main, s.store(main), s.c, testW)}
	a.load()
	a.drain()
	for payload := range s.acked {
		if !slices.Contains(a.state, payload) {
			panic("acknowledged and lost: " + payload)
		}
	}
	if len(s.acked) < simWriters*simPayloads {
		panic(fmt.Sprintf("only %d were acknowledged", len(s.acked)))
	}
}

// simAgent is a writer: its state is the list of payloads.
type simAgent struct {
	s            *simulation
	p            *sim.Proc
	name         string
	log          *Log
	state        []string
	prior        *Manifest
	snapshotting bool
}

func (a *simAgent) work() {
	a.load()
	for i := range simPayloads {
		payload := fmt.Sprintf("%s-%d", a.name, i)
		for !slices.Contains(a.state, payload) {
			a.propose(payload)
		}
		a.s.acked[payload] = true
		if a.s.chance(10) {
			a.snapshot()
		}
		a.p.Sleep(a.s.w.Between(0, testW/20))
	}
	a.drain()
}

func (a *simAgent) propose(payload string) {
	now, _ := a.log.Now()
	e, status, err := a.log.Append(ctx, Draft{Time: now, Payload: []byte(payload)})
	if err != nil {
		panic(err)
	}
	switch status {
	case Won:
		a.s.counts.Won++
		a.apply(e)
	case Lost:
		a.s.counts.Lost++
		a.next()
	case Reload:
		a.load()
	default:
		panic(status)
	}
}

func (a *simAgent) next() Status {
	e, status, err := a.log.Next(ctx)
	if err != nil {
		panic(err)
	}
	switch status {
	case Believed:
		a.apply(e)
	case Reload:
		a.load()
	}
	return status
}

func (a *simAgent) drain() {
	n := int(a.s.w.Uint64() % 9)
	a.log.ReadAhead(n, n)
	for a.next() != Absent {
	}
}

// apply is where the auditor looks: nobody may believe anything else of a slot than the others.
func (a *simAgent) apply(e Entry) {
	slot, chain := a.log.Position()
	canon, known := a.s.canon[slot]
	if known && (canon != e.Hash || a.s.chains[slot] != chain) {
		panic(fmt.Sprintf("%s believes another slot %d than others: %+v %q", a.name, slot, e.Header, e.Payload))
	}
	a.s.canon[slot], a.s.chains[slot] = e.Hash, chain
	if e.Void {
		a.s.counts.Void++
		return
	}
	if slices.Contains(a.state, string(e.Payload)) {
		panic("twice: " + string(e.Payload))
	}
	a.state = append(a.state, string(e.Payload))
}

// load drops the state, as Reload demands.
func (a *simAgent) load() {
	a.s.counts.Reloads++
	m := must(a.log.Load(ctx, a))
	if chain, known := a.s.chains[m.Slot]; known && chain != m.Chain || digestOf(a.state) != m.Digest && m.Slot != 0 {
		panic(fmt.Sprintf("%s loaded a wrong snapshot %d", a.name, m.Slot))
	}
	if m.Warning != "" {
		a.s.counts.Warnings++
	}
	a.prior = &m
	n := int(a.s.w.Uint64() % 9)
	a.log.ReadAhead(n, n)
}

func (a *simAgent) Begin(Manifest) error { a.state = nil; return nil }

func (a *simAgent) Part(key string, body []byte) error {
	a.state = append(a.state, strings.Split(string(body), ",")...)
	return nil
}

func digestOf(state []string) uint64 {
	d := uint64(len(state))
	for _, p := range state {
		for i := range len(p) {
			d = d*31 + uint64(p[i])
		}
	}
	return d
}

// snapshot writes one and truncates, beside the writing.
func (a *simAgent) snapshot() {
	slot, chain := a.log.Position()
	if a.snapshotting || slot == 0 {
		return
	}
	a.snapshotting = true
	point := Point{Slot: slot, Chain: chain, Digest: digestOf(a.state)}
	parts := map[string][]byte{}
	for i, chunk := range slices.Collect(slices.Chunk(slices.Clone(a.state), 10)) {
		parts[fmt.Sprintf("%04d", i)] = []byte(strings.Join(chunk, ","))
	}
	prior, snaps := a.prior, a.log.Snapshots()
	a.p.Go("snapshot", func() {
		defer func() { a.snapshotting = false }()
		a.write(snaps, point, prior, parts)
		a.truncate(snaps)
	})
}

func (a *simAgent) write(snaps *Snapshots, point Point, prior *Manifest, parts map[string][]byte) {
	m, err := snaps.Write(ctx, point, prior, func(yield func(PartSource) bool) {
		for _, key := range slices.Sorted(maps.Keys(parts)) {
			if !yield(PartSource{Key: key, Body: parts[key]}) {
				return
			}
		}
	})
	switch {
	case err == nil:
		a.s.counts.Snapshots++
		a.prior = &m
	case err == ErrLate:
		a.s.counts.Late++
	case err == ErrBase:
		a.prior = nil
	case err != ErrNewerSnapshot && !objstore.Is(err, objstore.NotFound): // a slow one may be deleted meanwhile
		panic(err)
	}
}

func (a *simAgent) truncate(snaps *Snapshots) {
	t, err := snaps.Truncate(ctx, keepNone, func(m Manifest) error {
		if a.s.chains[m.Slot] != m.Chain {
			panic(fmt.Sprintf("snapshot %d has a wrong chain", m.Slot))
		}
		return nil
	})
	if err != nil && !objstore.Is(err, objstore.NotFound) && !errors.Is(err, context.DeadlineExceeded) {
		panic(err)
	}
	a.s.counts.Slots += t.Entries
	a.s.counts.Parts += t.Parts
}
