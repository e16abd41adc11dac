package broker

import (
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/kafka/wire"
	"github.com/millrace-io/millrace/internal/meta"
)

// query is one request on its way through a handler.
type query struct {
	b        *Broker
	c        *conn
	api      *api
	header   wire.Header
	arrived  time.Time
	view     meta.View // as new as the answer's negative parts need it
	fresh    bool      // view was read behind a barrier
	shown    []node    // see nodes
	seats    []node    // see leaders
	frame    *frame
	cost     int64 // of what it was decoded to, in bytes
	handedOn bool  // others than its handler have bytes of the frame
	ended    atomic.Bool
}

// answer is what a handler gives back. The zero answer sends nothing.
type answer struct {
	response kmsg.Response
	raw      piece.List    // a whole frame, in place of response
	codes    []int16       // the errors in raw, the first one first
	later    func() answer // gives the answer itself; it may wait. Only of pipelined APIs, whose handler then calls query.end
	hangUp   bool          // close the connection instead
	last     bool          // close the connection once it is written: what came behind the request is not begun. Not of pipelined APIs
	spoiled  func()        // to be called before that if a file in raw could not be read
	release  func()        // to be called when the answer is out, whatever becomes of it
}

func (a answer) done() {
	if a.release != nil {
		a.release()
	}
}

// dispatch serves one request, and reports false if the connection is to end.
func (c *conn) dispatch(frame *frame) bool {
	q, request, err := c.open(frame)
	if err != nil {
		frame.spend()
		c.farewell(err)
		return false
	}
	if q.api.pipelined {
		a := c.b.run(q, request)
		if a.later == nil && a.release == nil { // it panicked, else the handler sees to it
			a.release = q.spend
			if q.handedOn {
				a.release = q.end
			}
		}
		return c.postpone(q, a)
	}
	defer q.end()
	return c.settle() && c.write(q, c.b.run(q, request))
}

// open finds out what a frame asks for and decodes it.
func (c *conn) open(frame *frame) (*query, kmsg.Request, error) {
	q := &query{b: c.b, c: c, arrived: c.b.env.Now(), view: c.b.Journal.View(), frame: frame}
	header, body, err := wire.ParseHeader(frame.bytes)
	if err != nil {
		return nil, nil, err
	}
	q.header, q.api = header, apiFor(header.Key)
	switch {
	case q.api == nil:
		return nil, nil, base.Errorf(base.UnsupportedVersion, "%s (api key %d) is not served", kmsg.NameForKey(header.Key), header.Key)
	case header.Version >= q.api.min && header.Version <= q.api.max:
	case q.api.unsupported == nil:
		return nil, nil, base.Errorf(base.UnsupportedVersion, "%s version %d is not served, versions %d to %d are",
			kmsg.NameForKey(header.Key), header.Version, q.api.min, q.api.max)
	case header.Key == keyApiVersions:
		return q, nil, nil // nobody knows the layout of a version to come
	}
	cost, err := wire.Cost(header.Key, header.Version, body)
	if err != nil {
		return nil, nil, err
	}
	_ = c.b.decode.Acquire(int64(cost), time.Time{}) // a cost is below the budget, and without a deadline it cannot fail
	request, err := wire.DecodeRequest(header.Key, header.Version, body)
	if err != nil {
		c.b.decode.Release(int64(cost))
		return nil, nil, err
	}
	q.cost = int64(cost)
	return q, request, nil
}

// end gives back, once, what the request holds of memory, though somebody may still look at it.
func (q *query) end() { q.giveBack((*frame).release) }

// spend is end when nobody looks at the request's bytes any more: see frames.
func (q *query) spend() { q.giveBack((*frame).spend) }

func (q *query) giveBack(f func(*frame)) {
	if q.ended.CompareAndSwap(false, true) {
		q.b.decode.Release(q.cost)
		f(q.frame)
	}
}

// run has a request handled. A handler that panics has a bug: the client is told UNKNOWN_SERVER_ERROR, the log the rest.
func (b *Broker) run(q *query, request kmsg.Request) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			b.stats.panics.Add(1)
			b.complain(slog.LevelError, "a request could not be handled because of a bug in this agent", "api", kmsg.NameForKey(q.header.Key),
				"version", q.header.Version, "client", q.c.host, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			a = broken(request)
		}
	}()
	b.stats.request(q.header.Key)
	if v := q.header.Version; v < q.api.min || v > q.api.max {
		return q.api.unsupported(q, request)
	}
	return q.api.handle(q, request)
}

// broken is the answer of a handler that failed: UNKNOWN_SERVER_ERROR where the response has a place for an error of the
// whole; else the connection ends, as Kafka's does.
func broken(request kmsg.Request) answer {
	if request == nil {
		return answer{hangUp: true}
	}
	response := request.ResponseKind()
	code := reflect.ValueOf(response).Elem().FieldByName("ErrorCode")
	if !code.IsValid() {
		return answer{hangUp: true}
	}
	code.SetInt(int64(base.UnknownServerError))
	return answer{response: response}
}

// barrierWait is how long an answer waits for the end of the journal to be read.
const barrierWait = 10 * time.Second

// refresh makes the query's view one that holds everything that was in the journal when the request came. It costs a
// look at the journal; negative answers need it. A second call does nothing.
func (q *query) refresh() error {
	if q.fresh {
		return nil
	}
	v, err := q.b.Journal.Barrier(q.b.env.Now().Add(barrierWait))
	if err != nil {
		return err
	}
	q.view, q.fresh = v, true
	return nil
}

// certainly runs look on the query's view, and, where that says it found something missing, once more on a fresh one.
func (q *query) certainly(look func(v meta.View) (missing bool)) error {
	if !look(q.view) {
		return nil
	}
	if err := q.refresh(); err != nil {
		return err
	}
	look(q.view)
	return nil
}

// propose waits for a command's verdict, at most for ms milliseconds, and makes the view one that holds its events.
func (q *query) propose(op meta.Op, ms int32) (*meta.Verdict, error) {
	v, err := q.b.Journal.Propose(op).Wait(q.by(ms))
	if view := q.b.Journal.View(); view.Slot > q.view.Slot {
		q.view = view
	}
	return v, err
}

// minWait is the least time that an operation of the journal is given, whatever the client says: with less it could
// never be answered, and it would happen all the same.
const minWait = 5 * time.Second

// by is when a request with a time-out of ms milliseconds has to be answered.
func (q *query) by(ms int32) time.Time {
	return q.arrived.Add(max(minWait, time.Duration(ms)*time.Millisecond))
}
