package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/kafka/wire"
)

const (
	// maxPipelined bounds the Produces of a connection that wait to be answered: Java clients keep 5 under way, and those
	// that keep more gain nothing beyond one segment's worth.
	maxPipelined = 64
	// writePiece is what is written under one deadline. A client has answerTime for the whole answer, as answers hold memory:
	// Java clients give a request up after 30 s, librdkafka after 60. For what lies in files, which may be more, it has as long as that takes
	// at answerRate bytes a second. One that takes none of a piece for writeStall is gone.
	writePiece = 256 << 10
	writeStall = 20 * time.Second
	answerTime = 60 * time.Second
	answerRate = 256 << 10
)

// conn is one client's connection. One goroutine reads, dispatches and writes the answers; a second one, born with the
// first Produce, writes those of Produces, in order, while further ones are read.
type conn struct {
	b      *Broker
	number uint64
	era    uint64 // in which it was accepted
	net    net.Conn
	host   string // the client's address without port
	names  fetchNames

	queue *env.Queue[queued] // Produces that are under way; nil before the first
	late  *env.Group

	mu       sync.Mutex
	idle     env.Cond // signalled when pending falls to 0
	pending  int      // Produces that are not answered
	broken   bool     // the answering side gave up
	draining bool
	cancel   func() // gives up what the request under way waits for; nil: it waits for nobody
}

// queued is a Produce whose answer is awaited.
type queued struct {
	q      *query
	answer answer
}

func newConn(b *Broker, nc net.Conn) *conn {
	c := &conn{b: b, era: b.era(), net: nc, late: env.NewGroup(b.env)}
	c.idle = b.env.NewCond(&c.mu)
	c.host, _, _ = net.SplitHostPort(nc.RemoteAddr().String())
	if c.host == "" {
		c.host = nc.RemoteAddr().String()
	}
	return c
}

// serve is the connection's life.
func (c *conn) serve() {
	defer c.end()
	for {
		frame, err := c.next()
		if err != nil {
			c.farewell(err)
			return
		}
		if c.b.era() != c.era {
			frame.spend()
			return
		}
		if !c.dispatch(frame) {
			return
		}
	}
}

// end lets the answers that are under way out, then closes.
func (c *conn) end() {
	if c.queue != nil {
		c.queue.Close()
		c.late.Wait(time.Time{})
	}
	_ = c.net.Close()
	c.b.leave(c)
}

// farewell logs why the connection ends, if there is something to say.
func (c *conn) farewell(err error) {
	var refused *base.Error
	switch {
	case errors.As(err, &refused):
		c.b.stats.malformed.Add(1)
		c.b.complain(slog.LevelWarn, "a connection was closed for what it sent", "client", c.host, "error", err)
	case errors.Is(err, errSlow):
		c.b.complain(slog.LevelWarn, "a connection was closed: its request came slower than 1 MiB/s while others waited for the memory it held; more --memory helps", "client", c.host)
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.b.complain(slog.LevelDebug, "a connection ended in mid-request", "client", c.host)
	}
}

// errIdle ends a connection that nothing was sent on for connections.max.idle.ms; errDrained one of a draining agent.
var (
	errIdle    = errors.New("idle")
	errDrained = errors.New("drained")
)

// next reads one frame, without its length, after its bytes were reserved.
func (c *conn) next() (*frame, error) {
	values := c.b.rules().values
	var prefix [wire.FrameLengthSize]byte
	if err := c.readPrefix(prefix[:], time.Duration(values.ConnectionsMaxIdleMs)*time.Millisecond); err != nil {
		return nil, err
	}
	size, err := wire.FrameSize(prefix[:], min(int(values.SocketRequestMaxBytes), c.b.frames.largest()))
	if err != nil {
		return nil, err
	}
	return c.b.frames.read(c, size)
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func midRequest(err error) error {
	if errors.Is(err, io.EOF) || timedOut(err) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readPrefix waits for the next frame's length: as long as the connection may be idle, and longer while Produces are
// under way.
func (c *conn) readPrefix(prefix []byte, idle time.Duration) error {
	for have := 0; have < len(prefix); {
		c.arm(idle)
		n, err := c.net.Read(prefix[have:])
		have += n
		switch {
		case err == nil || have == len(prefix):
		case c.isDraining():
			return errDrained
		case timedOut(err) && have == 0 && c.isPending():
		case timedOut(err):
			return errIdle
		case have > 0:
			return midRequest(err)
		default:
			return err
		}
	}
	return nil
}

// arm sets how long the next read may take: not at all once the agent drains. idle ≤ 0 is for ever.
func (c *conn) arm(idle time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var by time.Time
	if idle > 0 {
		by = c.b.env.Now().Add(idle)
	}
	if c.draining {
		by = time.Unix(1, 0)
	}
	_ = c.net.SetReadDeadline(by)
}

// drain has the reader stop before the next request.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	_ = c.net.SetReadDeadline(time.Unix(1, 0))
	if c.cancel != nil {
		c.cancel()
	}
}

// cancelable has drain call f while the request under way waits for others; nil ends that.
func (c *conn) cancelable(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel = f
	if c.draining && f != nil {
		f()
	}
}

func (c *conn) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

func (c *conn) isPending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending > 0
}

// settle waits until all earlier answers are out, and reports false if the connection is to end.
func (c *conn) settle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pending > 0 {
		c.idle.Wait(time.Time{})
	}
	return !c.broken
}

// postpone queues the answer to a Produce behind the earlier ones, waiting for room, and reports false if the
// connection is to end.
func (c *conn) postpone(q *query, a answer) bool {
	if c.queue == nil {
		c.queue = env.NewQueue[queued](c.b.env, maxPipelined)
		c.late.Go("kafka produce answers", c.answerLate)
	}
	c.mu.Lock()
	c.pending++
	broken := c.broken
	c.mu.Unlock()
	_ = c.queue.Push(queued{q, a}, time.Time{}) // only this goroutine closes the queue
	return !broken
}

// answerLate writes the answers of Produces in the order they came. Once one cannot be written the rest is awaited all
// the same: what they hold has to be given back.
func (c *conn) answerLate() {
	for {
		item, err := c.queue.Pop(time.Time{})
		if err != nil {
			return
		}
		a := item.answer
		if a.later != nil {
			a = a.later()
		}
		c.mu.Lock()
		broken := c.broken
		c.mu.Unlock()
		ok := false
		if broken {
			a.done()
		} else {
			ok = c.write(item.q, a)
		}
		c.mu.Lock()
		if c.pending--; c.pending == 0 {
			c.idle.Broadcast()
		}
		if !ok && !c.broken {
			c.broken = true
			_ = c.net.Close() // wakes the reader
		}
		c.mu.Unlock()
	}
}

// answered counts one answer.
func (c *conn) answered(q *query, a *answer) {
	took := c.b.env.Now().Sub(q.arrived)
	c.b.stats.answered(q, took)
	var code int16 // the first
	if a.response != nil {
		code = c.b.stats.count(a.response)
	}
	for i, next := range a.codes {
		c.b.stats.code(next)
		if i == 0 {
			code = next
		}
	}
	c.b.config.Watch.Request(kmsg.NameForKey(q.header.Key), took, base.Kind(code))
}

// write sends one answer, and reports false if the connection is to end.
func (c *conn) write(q *query, a answer) bool {
	defer a.done()
	c.answered(q, &a)
	if a.hangUp {
		return false
	}
	out := a.raw
	if a.response != nil {
		a.response.SetVersion(q.header.Version)
		out = piece.List{piece.Of(wire.EncodeResponse(nil, q.header.CorrelationID, a.response))}
	}
	by := c.b.env.Now().Add(max(answerTime, time.Duration(out.InFiles()/answerRate)*time.Second))
	err := out.WriteTo(c.net, writePiece, func() {
		limit := c.b.env.Now().Add(writeStall)
		if limit.After(by) {
			limit = by
		}
		_ = c.net.SetWriteDeadline(limit)
	})
	if a.spoiled != nil && errors.Is(err, piece.ErrFile) {
		a.spoiled()
	}
	return err == nil && !a.last
}
