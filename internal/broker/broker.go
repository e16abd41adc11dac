package broker

import (
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
)

// Config is what the composition root says of the agent's Kafka side.
type Config struct {
	// Group is the agent group this agent is in: clients are shown no other agents.
	Group string
	// Memory is what request frames may hold, in bytes, until they are answered; seven eighths of it bound a single frame.
	Memory int64
	// Rooms gives the memory of large Produces (see frames); nil: it is of Go's heap.
	Rooms Rooms
	// FirstPiece is FirstPiece, but for simulations, if zero.
	FirstPiece int
	// Allow judges what clients may do; nil allows everything.
	Allow Authorizer
	// Watch, if set, is told what was served.
	Watch Watcher
	Log   *slog.Logger
}

// decodeMemory bounds what decoded requests hold beside their frames: twice what a single one may hold. It is a budget of
// its own, taken after the frame's: who waits for it holds a frame, who has it waits for no memory.
const decodeMemory = 128 << 20

// Broker serves the Kafka protocol.
type Broker struct {
	Deps
	config Config
	env    env.Env
	log    *slog.Logger
	stop   *env.Stopper
	watch  *env.Stopper // of watchStillness, which answers nobody
	still  stillness
	decode *env.Semaphore
	frames *frames
	stats  counters
	topics topicRules
	noise  noise

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[uint64]*conn // by number, in the order they came
	last      uint64
	draining  bool
}

// New makes a Broker that serves nobody yet.
func New(e env.Env, config Config, deps Deps) *Broker {
	if config.FirstPiece == 0 {
		config.FirstPiece = FirstPiece
	}
	if config.Rooms == nil {
		config.Rooms = heap{}
	}
	b := &Broker{Deps: deps, config: config, env: e, log: config.Log, stop: env.NewStopper(e), watch: env.NewStopper(e), conns: map[uint64]*conn{}}
	b.frames = newFrames(e, config.Memory, config.FirstPiece, config.Rooms)
	b.decode = env.NewSemaphore(e, decodeMemory)
	if b.config.Allow == nil {
		b.config.Allow = allowAll{}
	}
	if b.config.Watch == nil {
		b.config.Watch = nobody{}
	}
	b.noise.env = e
	b.watch.Go("watch for standing still", func() { b.watchStillness(b.watch) })
	return b
}

// Serve takes connections from l until Drain or Stop. It returns at once.
func (b *Broker) Serve(l net.Listener) {
	b.mu.Lock()
	refused := b.draining
	if !refused {
		b.listeners = append(b.listeners, l)
	}
	b.mu.Unlock()
	if refused || !b.stop.Go("accept kafka", func() { b.accept(l) }) {
		_ = l.Close()
	}
}

// acceptPause is how long the agent rests after an Accept that failed for want of file descriptors or the like.
const acceptPause = 100 * time.Millisecond

func (b *Broker) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			b.Handle(c)
		case b.isDraining():
			return
		default:
			b.complain(slog.LevelWarn, "a connection was not accepted", "error", err)
			if !b.stop.Sleep(acceptPause) {
				return
			}
		}
	}
}

// Handle serves one connection, and closes it in the end. It returns at once.
func (b *Broker) Handle(nc net.Conn) {
	c := newConn(b, nc)
	if !b.enter(c) || !b.stop.Go("kafka connection", c.serve) {
		b.leave(c)
		_ = nc.Close()
	}
}

func (b *Broker) enter(c *conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining {
		return false
	}
	b.last++
	c.number = b.last
	b.conns[c.number] = c
	b.stats.accepted.Add(1)
	return true
}

func (b *Broker) leave(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c.number)
}

func (b *Broker) isDraining() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.draining
}

// Drain stops accepting, lets what is under way be answered, and closes the connections. What is not done at deadline
// is cut off; Drain reports whether nothing was.
func (b *Broker) Drain(deadline time.Time) bool {
	b.watch.Stop()
	b.mu.Lock()
	b.draining = true
	listeners, conns := b.listeners, b.all()
	b.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
	for _, c := range conns {
		c.drain()
	}
	done := b.stop.Wait(deadline)
	b.stop.Stop()
	b.mu.Lock()
	conns = b.all()
	b.mu.Unlock()
	for _, c := range conns {
		_ = c.net.Close()
	}
	return done
}

// all lists the connections, the oldest first.
func (b *Broker) all() []*conn {
	conns := make([]*conn, 0, len(b.conns))
	for _, n := range slices.Sorted(maps.Keys(b.conns)) {
		conns = append(conns, b.conns[n])
	}
	return conns
}

// noise lets one line a second through of what a hostile client could fill the log with.
type noise struct {
	env  env.Env
	next atomic.Int64 // nanoseconds since the epoch
	kept atomic.Int64 // lines held back
}

const noiseEvery = time.Second

func (b *Broker) complain(level slog.Level, msg string, args ...any) {
	now, next := b.env.Now().UnixNano(), b.noise.next.Load()
	if now < next || !b.noise.next.CompareAndSwap(next, now+int64(noiseEvery)) {
		b.noise.kept.Add(1)
		return
	}
	if kept := b.noise.kept.Swap(0); kept > 0 {
		args = append(args, "more like it", kept)
	}
	b.log.Log(b.stop.Context(), level, msg, args...)
}
