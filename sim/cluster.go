package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/ingest"
	landing "github.com/millrace-io/millrace/internal/jobs/land"
	merging "github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Options say what a run is made of. Whatever they leave open the seed decides.
type Options struct {
	Seed       uint64
	Agents     int
	Peers      bool // agents talk to each other; without, the bucket is all they share
	Loner      bool // the last agent has no peers whatever the others do: two network domains
	Whole      bool // agents with all floors, and clients that speak Kafka's protocol to them
	Unsteady   bool // the bucket's clock may step back
	Folder     bool // the bucket is a folder
	Sparse     bool // hours with little to do: agents idle, and are gone for long
	Versions   bool // agents of two versions
	Retention  bool // the topic keeps its records for a while
	Partitions int
	Producers  int           // as many of the habits, from the first on
	SendEvery  time.Duration // mean pause of a producer
	Chaos      time.Duration // how long faults go on, in virtual time
	W          time.Duration
	Pace       control.Pace
	Land       landing.Pace
	Merge      merging.Pace
	NoRides    bool      // no segment rides in a journal entry
	Log        io.Writer // every event; nil: nowhere
	Seams      Seams
	Off        []string // faults and clients that the run does without, by name: see parts.go
	Steps      []int    // of the torment, the only ones that are done; nil: all
	Deaf       bool     // that the product finds something wrong by itself does not count: the agent is started anew

	script func(c *Cluster, main *sim.Proc) // what is done to the cluster, in place of the seed's torment; the bucket works
}

// Seams are where a test plants bugs, without the product knowing of it.
type Seams struct {
	Store   func(p *sim.Proc, s objstore.Store) objstore.Store
	Journal func(p *sim.Proc, j ingest.Journal) ingest.Journal
	// Damages: the store damages snapshots. That one is damaged is no finding then; that the journal lacks what none stands
	// for still is.
	Damages bool
}

// Standard are the options of a seed in the standard test: two of five seeds run whole agents, one of ten hours with
// little to do, one of four agents of two versions.
func Standard(seed uint64) Options {
	o := rooms(seed)
	if seed%5 >= 3 {
		o.Whole, o.Chaos, o.Retention = true, 2*time.Minute, seed%3 > 0
	}
	if seed%10 == 1 || seed%20 == 8 {
		o.Sparse, o.Chaos, o.SendEvery = true, 3*time.Hour, 20*time.Second
	}
	o.Versions = seed%4 == 1
	return o
}

// rooms are the options of a seed with agents up to ingest.
func rooms(seed uint64) Options {
	return Options{Seed: seed, Agents: 2 + int(seed/2%3+1)/2, Peers: seed%2 == 0, Loner: seed%4 == 2, Unsteady: seed%7 == 4 || seed%7 == 2, Folder: seed%7 == 2, Partitions: 3, Producers: len(habits),
		SendEvery: 400 * time.Millisecond, Chaos: 4 * time.Minute, W: 30 * time.Second,
		Pace: control.Pace{SnapshotEntries: 60, SnapshotAfter: 15 * time.Second, SweepEvery: 20 * time.Second, SnapshotBytes: 16 << 10 << (seed % 5)},
		Land: landing.Pace{Bytes: 4 << 10 << (seed % 4), After: []time.Duration{3 * time.Second, 12 * time.Second, 90 * time.Second}[seed%3]}, NoRides: seed%6 == 5,
		Merge: merging.Pace{Small: 4 << 10, Whole: 16 << 10, Bytes: 8 << 10 << (seed % 5), After: []time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 10 * time.Second}[seed%4], File: 2 << 10 << (seed % 4)}}
}

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Digest     uint64 // two runs with the same were the same
	Events     int    // requests of the bucket and of clients, and entries: fewer than task switches by far
	Acked      int    // records
	Slots      base.Slot
	Marks      Marks
	Steps      int // of the torment
	Violations []Violation
	Err        error // of the simulation itself: a panic, a deadlock
}

// Failed reports whether something went wrong.
func (r *Result) Failed() bool { return r.Err != nil || len(r.Violations) > 0 }

// String says what went wrong, and how to see it again.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d events, %d slots, %d records acknowledged", r.Seed, r.Events, r.Slots, r.Acked)
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "\n  %s: %s", v.Check, v.Text)
	}
	if r.Err != nil {
		fmt.Fprintf(&b, "\n  %v", r.Err)
	}
	if r.Failed() {
		fmt.Fprintf(&b, "\nreplay with: go run ./cmd/millrace-sim -log -seed %d", r.Seed)
	}
	return b.String()
}

// Cluster is one world: a bucket, agents, clients, and the auditor, who sees what none of them can.
type Cluster struct {
	options    Options
	w          *sim.World
	marks      Marks
	bucket     *Bucket
	audit      *Auditor
	names      []string
	agents     []*agent // the present life of each
	producers  []*producer
	committers []*committer
	consumers  []*consumer
	guests     []*guest
	topic      base.TopicID
	requests   int
	twins      []*agent           // those that were started beside an agent of the same flags
	damaged    map[base.Slot]bool // snapshots
	lives      int                // of clients that make values
	ends       time.Duration      // when the torment does
	upgraded   bool               // agents that start are of the newer version
	steps      int                // of the torment, done or left out
	quiet      bool               // no more faults
	quietAt    time.Duration
}

const topicName = "orders"

// Run runs one seed.
func Run(o Options) *Result {
	w, marks := sim.NewWorld(o.Seed), Marks{}
	if o.Log != nil {
		w.LogTo(o.Log)
	}
	c := &Cluster{options: o, w: w, marks: marks, audit: newAuditor(w, marks, o.Partitions), damaged: map[base.Slot]bool{}}
	faults := drawFaults(w, 3*o.W)
	if o.script != nil {
		faults = Faults{}
	}
	faults.leaveOut(o.Off)
	c.bucket = NewBucket(w, marks, faults, o.Unsteady, o.Folder)
	c.bucket.onLanding = c.landed
	for i := range o.Agents {
		c.names = append(c.names, fmt.Sprintf("a%d", i+1))
	}
	c.agents = make([]*agent, o.Agents)
	err := w.RunFor(o.Chaos+2*time.Hour, c.play)
	return &Result{Seed: o.Seed, Digest: w.Digest(), Events: c.bucket.Requests + c.requests + int(c.audit.newest), Acked: c.audit.Acked, Slots: c.audit.newest,
		Marks: marks, Steps: c.steps, Violations: c.audit.Violations, Err: err}
}

// play is the whole run.
func (c *Cluster) play(main *sim.Proc) {
	for _, name := range c.names {
		c.begin(name)
	}
	c.createTopic(main)
	c.invite()
	r := c.newReader("reader")
	r.p.Go("reader", r.follow)
	if c.options.Whole { // the holes that are made in other journals would be damage
		c.newJanitor()
	}
	for i := range c.options.Partitions {
		if c.has(partCommitters) {
			c.newCommitter(fmt.Sprintf("k%d", i+1), int32(i))
		}
	}
	if c.options.script != nil {
		c.options.script(c, main)
	} else {
		c.beginProposers()
		c.torment(main)
	}
	c.end(main)
}

// createTopic asks until there is a topic.
func (c *Cluster) createTopic(main *sim.Proc) {
	c.topic = base.TopicID{1, 2, 3}
	configs := c.retention()
	for {
		main.Sleep(100 * time.Millisecond)
		a := c.anyAgent()
		if a == nil {
			continue
		}
		op := &log.CreateTopic{Name: topicName, ID: c.topic, Partitions: int32(c.options.Partitions), Configs: configs}
		v, err := ask(main, a, 10*time.Second, func() (*meta.Verdict, error) { return a.control.Propose(op).Wait(time.Time{}) })
		if err == nil && (v.Kind() == base.OK || v.Kind() == base.TopicAlreadyExists) {
			return
		}
	}
}

// anyAgent draws one that serves; nil if none does.
func (c *Cluster) anyAgent() *agent {
	var up []*agent
	for _, a := range c.agents {
		if a != nil && a.up {
			up = append(up, a)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[c.w.Uint64()%uint64(len(up))]
}

// restMax is how long the cluster may take to come to rest once all faults have ended: what is late lands, leases of
// the dead run out, producers get their answers.
const restMax = 10 * time.Minute

// end ends all faults, waits for the clients to have their answers, and looks at everything.
func (c *Cluster) end(main *sim.Proc) {
	c.relent()
	if !c.rest(main) {
		return
	}
	main.Sleep(c.bucket.faults.LateMax)
	if !c.rest(main) { // one that was paused until now may have met a newer version, and stopped
		return
	}
	c.lastCheck(main)
	c.examine(main)
}

// rest waits until the cluster has come to rest, and reports whether it has.
func (c *Cluster) rest(main *sim.Proc) bool {
	for began := c.w.Elapsed(); !c.atRest(); main.Sleep(time.Second) {
		c.revive()
		if len(c.audit.Violations) > 0 {
			return false
		}
		if c.w.Elapsed()-began > restMax {
			c.audit.violated(CheckStuck, "after %v without faults: %s", restMax, c.unrest())
			return false
		}
	}
	return true
}

// revive starts the agents that are dead.
func (c *Cluster) revive() {
	for _, a := range c.agents {
		if a.p.Killed() {
			c.begin(a.name)
		}
	}
}

// allUp reports whether every agent serves.
func (c *Cluster) allUp() bool {
	return !slices.ContainsFunc(c.agents, func(a *agent) bool { return !a.up })
}

// atRest reports whether all agents serve and no client waits.
func (c *Cluster) atRest() bool {
	return c.allUp() && !slices.ContainsFunc(c.guests, func(g *guest) bool { return g.p.Killed() }) &&
		!slices.ContainsFunc(c.producers, func(r *producer) bool { return !r.idle() }) &&
		!slices.ContainsFunc(c.consumers, func(k *consumer) bool { return !k.caughtUp() }) &&
		(!c.hasGroup() || c.audit.groupIsThrough())
}

// hasGroup reports whether members of a group are among the clients: they have to be heard of every few seconds.
func (c *Cluster) hasGroup() bool { return c.options.Whole && !c.options.Sparse && c.has(partMembers) }

func (c *Cluster) unrest() string {
	var b strings.Builder
	for _, a := range c.agents {
		if !a.up {
			fmt.Fprintf(&b, "%s does not serve. ", a.name)
		}
	}
	for _, r := range c.producers {
		for _, l := range r.parts {
			if s := l.oldest(); s != nil {
				fmt.Fprintf(&b, "%s waits for %s in partition %d after %d tries. ", r.p.Name(), s.values[0], l.index, s.tries)
			}
		}
	}
	for _, k := range c.consumers {
		if !k.caughtUp() {
			fmt.Fprintf(&b, "%s is at %v of %v. ", k.p.Name(), k.next, c.audit.ackedEnd)
		}
	}
	if c.hasGroup() && !c.audit.groupIsThrough() {
		fmt.Fprintf(&b, "The group is at %v of %v. ", c.audit.commits, c.audit.ackedEnd)
	}
	return b.String()
}

// examine has every agent, and one that starts from the bucket alone, show the same; then reads the whole log.
func (c *Cluster) examine(main *sim.Proc) {
	c.beginFresh(main)
	if len(c.audit.Violations) > 0 {
		return
	}
	for _, a := range c.agents {
		v, err := ask(main, a, time.Minute, func() (meta.View, error) { return a.control.Barrier(time.Time{}) })
		if err != nil {
			c.audit.violated(CheckStuck, "%s: a barrier without faults: %v", a.name, err)
			return
		}
		c.audit.check(a.name, v)
		c.audit.barrier(a.name, v, c.audit.ackedEnd)
		c.newReader("final reader").readAll(v)
	}
	c.audit.settle()
	if c.options.Whole {
		c.audit.unseen()
	}
}

// beginFresh starts an agent that knows nothing but the bucket.
func (c *Cluster) beginFresh(main *sim.Proc) {
	const name = "fresh"
	c.names = append(c.names, name)
	c.agents = append(c.agents, nil)
	c.begin(name)
	for began := c.w.Elapsed(); !c.agentOf(name).up && len(c.audit.Violations) == 0; main.Sleep(100 * time.Millisecond) {
		switch {
		case c.w.Elapsed()-began > restMax:
			c.audit.violated(CheckStuck, "no agent can be started within %v", restMax)
		case c.agentOf(name).p.Killed():
			c.begin(name)
		}
	}
}

// landed may kill or stop the writer whose write has just been done, before it learns of it.
func (c *Cluster) landed(p *sim.Proc, key string) {
	c.entryLanded(key)
	i := slices.IndexFunc(c.agents, func(a *agent) bool { return a != nil && a.p == p })
	if c.bucket.calm || p.Killed() || i < 0 {
		return
	}
	switch a := c.agents[i]; {
	case c.bucket.chance(c.bucket.faults.KillWriter):
		c.marks.Hit(AgentKilledWriting)
		c.w.Logf("kill %s: its write of %s landed", a.name, key)
		c.kill(a)
	case c.bucket.chance(c.bucket.faults.LullWriter):
		c.marks.Hit(AgentPausedWriting)
		c.w.Logf("pause %s: its write of %s landed", a.name, key)
		p.Pause(c.longPause())
	}
}

// longPause draws how long somebody is away who comes back too late: longer than W, and where there is time longer than
// an upload may wait for its commit.
func (c *Cluster) longPause() time.Duration {
	W := c.options.W
	if c.options.Sparse {
		return min(c.w.Between(W, time.Hour), max(W, c.ends-c.w.Elapsed()))
	}
	return c.w.Between(W, 3*W)
}

// producerOf is the client that sent a value, whichever of its lives it was.
func producerOf(value string) string { return value[:strings.IndexByte(value, '.')] }
