package ingest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/invariant"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Bounds.
const (
	// MaxSegmentBatches keeps one commit well below a journal entry: 10,000 batches are some 800 KiB of events and reply.
	MaxSegmentBatches = 10_000
	// uploadsAtOnce bounds the segments in memory beside the open one.
	uploadsAtOnce = 6
	// earlyFraction of BatchTimeout without a new batch seals a segment early, if the budget of PUTs allows.
	earlyFraction = 16
	// EarlyBytes does so too, while that leaves a PUT: two of half the size, side by side, are done sooner than one. The last one waits for
	// lastBytes, which is about what a Java producer has under way at an agent: spent on half of that it would be missed for the rest.
	EarlyBytes         = 2 << 20
	lastBytes          = 2 * EarlyBytes
	EarlyPutsPerSecond = 8 // and putsBurst, the budget of such PUTs
	putsBurst          = 4
	// parkFor is how long a batch waits for its predecessor: a request that went to another agent first needs that
	// agent's batch time and two PUTs.
	parkFor = 2 * time.Second
	// parkedMax and parkedBytesMax bound what is parked: past them batches are judged as they stand.
	parkedMax      = 4096
	parkedBytesMax = 16 << 20
	// An upload is given up after uploadTimeout, and longer for what is large: producers wait 30 s for an answer as they
	// come, and everything sealed later waits behind it. uploadRate is the slowest line, in bytes a second.
	uploadTimeout = 20 * time.Second
	uploadRate    = 1 << 20
)

// Journal is what ingest asks of control.
type Journal interface {
	View() meta.View
	Propose(op meta.Op) *env.Future[*meta.Verdict]
	Barrier(deadline time.Time) (meta.View, error)
	Subscribe(f func(control.Change))
	Now() base.Millis
	Active()
}

// Config says when segments are sealed.
type Config struct {
	BatchTimeout time.Duration // 10 ms to 2 s
	BatchBytes   int
	Store        base.StoreID
	Log          *slog.Logger
	Rides        bool // small segments ride in journal entries
	// Uploaded, if set, is given every segment that was uploaded, for the cache. It must not wait. If not, a store that allows it
	// (objstore.Info.BodyFree) is given segments as their batches lie.
	Uploaded func(ref base.FileRef, body []byte)
}

// Batch is one validated record batch of a client.
type Batch struct {
	Topic     base.TopicID
	Partition int32
	// Bytes are the whole batch, not to be changed until its result is there. From then on nobody here looks at them: a batch has
	// its result only after its segment's file has them, or when it is in no segment and will be in none. So their
	// memory may be used again when all batches that share it have their results, and not before.
	Bytes []byte
	Info  batch.Info
}

// Result is what became of a batch.
type Result struct {
	Kind     base.Kind
	Base     int64 // offset of its first record, also when it was appended by an earlier try; -1 if refused
	LogStart int64 // -1 if not known
}

// Ingest gathers, uploads and commits. Its methods are safe for concurrent use.
type Ingest struct {
	env       env.Env
	journal   Journal
	store     objstore.Store
	config    Config
	inPieces  bool // segments are uploaded as their batches lie
	stop      *env.Stopper
	ctx       context.Context
	foresight foresight
	commits   *env.Queue[*sealed]
	uploads   *env.Semaphore
	counts    counters

	mu          sync.Mutex
	wake        env.Cond
	open        *open
	sealedNo    uint64 // of the segment sealed last
	looking     bool   // for predecessors of what is parked
	lookMore    bool   // once more after that
	parkedNo    int    // batches parked
	parkedBytes int
	tails       map[producerKey]*tail
	sweepAt     int // tails
	parked      map[producerKey][]*parked
	expiry      time.Time              // no parked batch has waited long enough before; zero: none is parked
	failed      map[producerKey]uint64 // batches of these producers fail in segments up to this number
	puts        tokens
	rides       riding
	stopping    bool
}

// New makes an Ingest and starts it.
func New(e env.Env, journal Journal, store objstore.Store, config Config) *Ingest {
	i := &Ingest{
		env: e, journal: journal, store: store, config: config, stop: env.NewStopper(e), foresight: foresight{parts: map[base.PartitionKey]outlook{}},
		commits: env.NewQueue[*sealed](e, 1024), uploads: env.NewSemaphore(e, uploadsAtOnce),
		open: &open{}, tails: map[producerKey]*tail{}, sweepAt: tailsKept, parked: map[producerKey][]*parked{}, failed: map[producerKey]uint64{},
	}
	i.inPieces = config.Uploaded == nil && store.Info().BodyFree || plant.LeftOut(plant.BodiesStay)
	i.ctx = i.stop.Context()
	i.wake = e.NewCond(&i.mu)
	i.puts = tokens{have: putsBurst, at: e.Now()}
	i.rides.tokens = tokens{have: rideBurst, at: e.Now()}
	journal.Subscribe(i.changed)
	i.stop.OnStop(i.commits.Close)
	i.stop.OnStop(i.nudge)
	i.stop.Go("ingest seal", i.sealer)
	i.stop.Go("ingest commit", i.committer)
	return i
}

// Append takes the batches of one request, in order. The future has a Result for each, and no error.
func (i *Ingest) Append(batches []Batch) *env.Future[[]Result] {
	r := &request{future: env.NewFuture[[]Result](i.env), results: make([]Result, len(batches))}
	if len(batches) == 0 {
		r.future.Set(nil, nil)
		return r.future
	}
	r.left.Store(int64(len(batches)))
	i.journal.Active()
	list, now := make([]pending, len(batches)), i.env.Now()
	i.mu.Lock()
	stopping := i.stopping
	parkedAny := false
	if !stopping {
		for n := range batches {
			list[n] = pending{Batch: batches[n], request: r, index: n, at: now}
			if invariant.Costly {
				list[n].sum = batch.Batch(batches[n].Bytes).CRC()
			}
			parkedAny = !i.add(&list[n], now) || parkedAny
		}
		i.wake.Broadcast()
	}
	i.mu.Unlock()
	if stopping {
		r.failAll(base.NotLeaderOrFollower)
	}
	if parkedAny {
		i.look()
	}
	return r.future
}

// Stop seals and commits what is there and refuses what comes; it ends when all is answered, or at the deadline. What has
// no answer by then is refused, so that clients turn elsewhere.
func (i *Ingest) Stop(deadline time.Time) {
	i.drain(deadline)
	i.stop.Stop()
	i.stop.Wait(deadline)
	for _, p := range i.takeAll() {
		p.answer(refused(base.NotLeaderOrFollower))
	}
}

func (i *Ingest) drain(deadline time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopping = true
	for _, k := range i.parkedKeys() {
		i.unpark(k, true)
	}
	i.wake.Broadcast()
	for !i.idle() {
		if !i.wake.Wait(deadline) {
			return
		}
	}
}

// takeAll takes out what is neither sealed nor answered.
func (i *Ingest) takeAll() []*pending {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.parkedKeys() {
		i.unpark(k, true)
	}
	all := i.open.batches
	i.open = &open{}
	return all
}

// idle reports whether nothing is under way; i.mu is held.
func (i *Ingest) idle() bool {
	return len(i.open.batches) == 0 && i.counts.committed.Load()+i.counts.failed.Load() == int64(i.sealedNo)
}

func (i *Ingest) nudge() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wake.Broadcast()
}

// request is one call of Append.
type request struct {
	future  *env.Future[[]Result]
	results []Result
	left    atomic.Int64 // results to come: who brings the last one answers
}

// set brings a result, once for each index.
func (r *request) set(index int, v Result) {
	r.results[index] = v
	if r.left.Add(-1) == 0 {
		r.future.Set(r.results, nil)
	}
}

func (r *request) failAll(k base.Kind) {
	for n := range r.results {
		r.set(n, refused(k))
	}
}

func refused(k base.Kind) Result { return Result{Kind: k, Base: -1, LogStart: -1} }

// pending is one batch on its way.
type pending struct {
	Batch
	request *request
	index   int
	at      time.Time         // when it came
	key     base.PartitionKey // of its partition, once its offset was foreseen; else 0
	tail    *tail             // of its producer, if that is idempotent, once it is under way
	sum     uint32            // the checksum that it bore then, where costly invariants are checked
}

func (p *pending) answer(v Result) { p.request.set(p.index, v) }
