package sim

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// conn is a client's connection to one life of an agent: requests arrive in order, or it breaks.
type conn struct {
	a       *agent
	in      *env.Queue[*request]
	waiting []*request
	closed  bool
}

// request is one Produce under way. Its answer, or that there will be none, is set in the client's world.
type request struct {
	acks    int16
	batches []ingest.Batch
	answer  *env.Future[[]ingest.Result]
}

const connRequests = 64

// directPath is a producer's without Kafka's protocol: one connection to any agent that serves.
type directPath struct {
	c    *Cluster
	p    *sim.Proc
	conn *conn
}

func (d *directPath) ready() bool {
	if d.conn == nil || d.conn.closed || d.c.w.Uint64()%200 == 0 {
		a := d.c.anyAgent()
		if a == nil {
			return false
		}
		if d.conn == nil || d.conn.closed || d.conn.a != a {
			d.conn = a.connect()
		}
	}
	return true
}

// carrier gives the one connection there is. It may be given up while an id was asked for.
func (d *directPath) carrier(int32) carrier {
	if d.conn == nil {
		return nil
	}
	return d.conn
}

func (d *directPath) failed(carrier, bool) {
	if d.c.w.Uint64()%2 == 0 {
		d.conn = nil // tries another agent, perhaps
	}
}

func (d *directPath) refused() {}

// allocate asks an agent for a producer id, as InitProducerId does.
func (d *directPath) allocate() int64 {
	a := d.conn.a
	v, err := ask(d.p, a, requestTimeout, func() (*meta.Verdict, error) {
		return a.journal.Propose(&log.AllocateProducerIDs{Count: 1}).Wait(time.Time{})
	})
	if err != nil || v.Kind() != base.OK {
		return batch.NoProducerID
	}
	return v.Log.ProducerID
}

func (c *conn) to() string { return c.a.name }

// connect gives a connection to an agent that serves.
func (a *agent) connect() *conn {
	c := &conn{a: a, in: env.NewQueue[*request](a.p, connRequests)}
	a.conns = append(a.conns, c)
	a.p.Go("connection", c.serve)
	return c
}

// send hands a request over; false when the connection is broken.
func (c *conn) send(r *request) bool {
	if c.closed || !c.in.TryPush(r) {
		return false
	}
	c.waiting = append(c.waiting, r)
	return true
}

// serve is the agent's side.
func (c *conn) serve() {
	for {
		r, err := c.in.Pop(time.Time{})
		if err != nil {
			return
		}
		c.a.p.Sleep(c.a.c.w.Between(100*time.Microsecond, 3*time.Millisecond))
		if !c.a.up {
			c.broken()
			return
		}
		results := c.a.ingest.Append(r.batches)
		c.a.p.Go("answer", func() {
			v, err := results.Wait(time.Time{})
			c.a.p.Sleep(c.a.c.w.Between(100*time.Microsecond, 3*time.Millisecond))
			c.done(r)
			r.answer.Set(v, err)
		})
	}
}

func (c *conn) done(r *request) {
	if i := slices.Index(c.waiting, r); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
}

// broken tells the client that no answer will come.
func (c *conn) broken() {
	if c.closed {
		return
	}
	c.closed = true
	c.in.Close()
	for _, r := range c.waiting {
		r.answer.Set(nil, base.Errorf(base.Stopping, "the connection broke"))
	}
	c.waiting = nil
}
