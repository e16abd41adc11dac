package load

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	dialTimeout = 5 * time.Second
	// stallTimeout ends a wait for records that do not come. The slowest store stalls for some seconds.
	stallTimeout = 20 * time.Second
	// flushTimeout bounds the wait for what was sent: a little longer than the client itself waits, which looks at what is too old only when a
	// request has its answer or is given up.
	flushTimeout = deliveryTimeout + requestTimeout + 20*time.Second
	// farewellTimeout bounds either after Ctrl-C.
	farewellTimeout = 10 * time.Second
	// startDelay lies between the making of workers and the first moment at which a record is due.
	startDelay = 50 * time.Millisecond
	// forever is the end of a window that something else ends.
	forever = time.Duration(math.MaxInt64)
)

// run is one run of a load.
type run struct {
	config Config
	shape  shape
	watch  Watch
	id     uint64
	rng    *rand.Rand
	filler []byte
	ratio  float64 // how many times smaller the codec makes a batch
	clock  clock
	window *window

	clients []*kgo.Client
	admin   *kadm.Client
	cluster Cluster
	ours    bool // the topic was made for this run

	fillers   []*producer
	filled    *Flow
	backlog   span
	producers []*producer
	begins    offsets     // of what the producers wrote
	copies    [][]*reader // of what is produced: readers that together read everything
	backfills []*meter    // by consumer
	passes    []passed

	cpu         time.Duration // of this process, while the window was open
	filling     *series       // the backlog
	series      *series
	interrupted bool
}

// span is a part of the topic.
type span struct{ from, to offsets }

// Run does what config says and gives what it measured. When ctx ends early the result tells of the time until then; it is
// nil if nothing had been measured yet.
func Run(ctx context.Context, config Config, watch Watch) (*Result, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	config.dropUnused()
	r := &run{config: config, shape: shapes[config.Load], watch: watch, id: rand.Uint64(), clock: clock{time.Now()}, filling: newSeries(0)}
	r.rng = rand.New(rand.NewPCG(r.id, 0))
	defer r.close()
	var err error
	if r.filler, r.ratio, err = makeFiller(r.rng, config.Codec, config.Compressibility, config.RecordBytes); err != nil {
		return nil, err
	}
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	if err := r.ensureTopic(ctx); err != nil {
		return nil, err
	}
	result, err := r.do(ctx)
	return result, errors.Join(err, r.dropTopic(ctx))
}

func (r *run) do(ctx context.Context) (*Result, error) {
	if r.shape.fills {
		if err := r.fill(ctx); err != nil {
			return nil, err
		}
		r.age(ctx)
	}
	if !r.shape.produces {
		return r.catchUp(ctx)
	}
	return r.load(ctx)
}

// newClient makes a client that its user closes.
func (r *run) newClient(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.config.Bootstrap...), kgo.ClientID(r.config.ClientID), kgo.DialTimeout(dialTimeout)}, options...)...)
}

// client makes a client that is closed with the run.
func (r *run) client(options ...kgo.Opt) (*kgo.Client, error) {
	client, err := r.newClient(options...)
	if err == nil {
		r.clients = append(r.clients, client)
	}
	return client, err
}

func (r *run) close() {
	for _, c := range r.clients {
		c.Close()
	}
}

func (r *run) connect(ctx context.Context) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	r.admin = kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	m, err := r.admin.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	r.cluster = Cluster{ID: m.Cluster, Brokers: len(m.Brokers)}
	return nil
}

// producerIDs is how many producers there are in the run, those of the backlog, which come last, included.
func (r *run) producerIDs() int {
	if r.shape.fills {
		return 2 * r.config.Producers
	}
	return r.config.Producers
}

// newProducers makes the producers with ids from first on, and has each send a record.
func (r *run) newProducers(ctx context.Context, first int, w *window, latencies bool) ([]*producer, error) {
	var all []*producer
	for i := range r.config.Producers {
		client, err := r.client(r.config.producerOptions()...)
		if err != nil {
			return nil, err
		}
		p := &producer{client: client, clock: &r.clock, meter: newMeter(w, latencies), run: r.id, id: uint16(first + i), config: &r.config,
			filler: r.filler, at: r.rng.IntN(len(r.filler)), rng: rand.New(rand.NewPCG(r.id, uint64(first+i)))}
		if err := p.first(ctx); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func meters[W any](workers []W, of func(W) *meter) []*meter {
	all := make([]*meter, len(workers))
	for i, w := range workers {
		all[i] = of(w)
	}
	return all
}

func producerMeters(all []*producer) []*meter {
	return meters(all, func(p *producer) *meter { return p.meter })
}

func readerMeters(copies [][]*reader) (all []*meter) {
	for _, together := range copies {
		all = append(all, meters(together, func(r *reader) *meter { return r.meter })...)
	}
	return all
}

// load runs producers, and whoever reads.
func (r *run) load(ctx context.Context) (*Result, error) {
	if err := r.makeWorkers(ctx); err != nil {
		return nil, err
	}
	r.series = newSeries(time.Duration(r.config.Warmup + r.config.Duration))
	stopWatching := r.observe(r.series)
	readCtx, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	var reading sync.WaitGroup
	var backfillErr error
	for _, together := range r.copies {
		for _, reader := range together {
			reading.Go(func() { reader.consume(readCtx) })
		}
	}
	if r.shape.backfills {
		backfillCtx, stop := context.WithDeadline(ctx, r.clock.began.Add(r.window.end()))
		defer stop()
		reading.Go(func() { backfillErr = r.backfillAgain(backfillCtx) })
	}
	err := r.produce(ctx)
	if err == nil {
		err = r.drain(ctx)
	}
	stopReading()
	reading.Wait()
	stopWatching()
	if r.interrupted {
		r.series.close(r.window.end() - r.window.from())
	}
	return r.result(ctx, errors.Join(err, backfillErr))
}

// makeWorkers makes producers and followers, and opens the window.
func (r *run) makeWorkers(ctx context.Context) (err error) {
	if r.begins, err = r.ends(ctx); err != nil {
		return err
	}
	// The window is moved to where it belongs once the clients are connected: what they do until then does not count.
	r.window = newWindow(forever-1, forever)
	if r.producers, err = r.newProducers(ctx, 0, r.window, true); err != nil {
		return err
	}
	if r.shape.follows {
		if err = r.makeFollowers(); err != nil {
			return err
		}
	}
	if r.shape.backfills {
		r.makeBackfills()
	}
	start := r.clock.now() + startDelay
	r.window.open(start+time.Duration(r.config.Warmup), start+time.Duration(r.config.Warmup)+time.Duration(r.config.Duration))
	return nil
}

func (r *run) makeFollowers() error {
	var copies [][]*reader
	var all []*reader
	for _, share := range r.begins.deal(r.config.Consumers, r.shape.everyone) {
		follower, err := r.newReader(share, nil, newMeter(r.window, true))
		if err != nil {
			return err
		}
		r.clients = append(r.clients, follower.client)
		all = append(all, follower)
		if r.shape.everyone {
			copies = append(copies, []*reader{follower})
		}
	}
	if !r.shape.everyone {
		copies = [][]*reader{all}
	}
	r.copies = copies
	return nil
}

// produce has the producers send until the window ends, and waits for their acknowledgements.
func (r *run) produce(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var sending sync.WaitGroup
	start := r.window.from() - time.Duration(r.config.Warmup)
	for i, s := range schedules(r.config.RecordsPerSec, len(r.producers), start) {
		sending.Go(func() { r.producers[i].produce(ctx, work, s) })
	}
	r.measureWindow(ctx)
	giveUp := time.AfterFunc(flushTimeout, cancel)
	defer giveUp.Stop()
	defer context.AfterFunc(ctx, func() { giveUp.Reset(farewellTimeout) })()
	sending.Wait()
	for _, p := range r.producers {
		if err := p.client.Flush(work); err != nil {
			return errors.New("what was sent is not acknowledged; is the cluster up?")
		}
	}
	return nil
}

// measureWindow waits until the window ends, or ends it when ctx ends, and measures what this process used meanwhile.
func (r *run) measureWindow(ctx context.Context) {
	sleepUntil(ctx, &r.clock, r.window.from())
	measured := r.opened()
	if !sleepUntil(ctx, &r.clock, r.window.end()) {
		r.interrupted = true
		r.window.cut(r.clock.now())
	}
	measured()
}

// opened is to be called as the window opens, and what it gives as it closes.
func (r *run) opened() (closed func()) {
	if r.watch.Opened != nil {
		r.watch.Opened()
	}
	before := processCPU()
	return func() {
		r.cpu = processCPU() - before
		if r.watch.Closed != nil {
			r.watch.Closed()
		}
	}
}

// drain waits until the followers have read everything.
func (r *run) drain(ctx context.Context) error {
	if len(r.copies) == 0 {
		return nil
	}
	ends, err := r.finalEnds(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	readers := readerMeters(r.copies)
	for began := r.clock.now(); ; time.Sleep(20 * time.Millisecond) {
		if r.haveRead(ends) {
			return nil
		}
		limit := stallTimeout
		if ctx.Err() != nil {
			limit = farewellTimeout
		}
		if r.clock.now()-max(began, lastOf(readers)) > limit {
			return nil // the check tells what is missing
		}
	}
}

func (r *run) haveRead(ends offsets) bool {
	for _, together := range r.copies {
		for _, reader := range together {
			if !reader.has(ends) {
				return false
			}
		}
	}
	return true
}
