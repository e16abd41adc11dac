package sim

import (
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

const (
	inFlightMax    = 5 // as every Kafka client: more would outrun the window of repeats
	requestTimeout = 6 * time.Second
	restartEvery   = 100 // rounds, about, between a client's lives
	gapTries       = 6   // answers "out of order" to the oldest batch before a producer begins anew
)

// producer is a simulated client: idempotent, pipelined, with the habits of the real ones. It sends each partition's
// batches in order, at most inFlightMax without an answer; what failed it sends again, oldest first, perhaps to another
// agent. A plain one has no producer id and never sends anything twice.
type producer struct {
	c     *Cluster
	p     *sim.Proc
	plain bool
	id    int64
	conn  *conn
	parts []*lane
	quiet bool // sends nothing new
}

// lane is what a producer has under way in one partition.
type lane struct {
	index  int32
	seq    int32
	next   int        // number of the next record, for its value
	flight []*sending // oldest first
	gaps   int
}

// sending is one batch until its fate is known to the client.
type sending struct {
	values []string
	bytes  batch.Batch
	seq    int32
	state  sendState
	tries  int
	agent  string
}

type sendState uint8

const (
	waiting sendState = iota // for an answer
	again                    // to be sent again
	done
)

func (c *Cluster) newProducer(name string, plain bool) *producer {
	r := &producer{c: c, p: c.w.Proc(name), plain: plain, id: batch.NoProducerID}
	for i := range int32(c.options.Partitions) {
		r.parts = append(r.parts, &lane{index: i})
	}
	r.p.Go("producer", r.run)
	return r
}

func (r *producer) run() {
	for {
		r.p.Sleep(r.c.w.Between(0, 2*r.c.options.SendEvery))
		if r.c.w.Uint64()%restartEvery == 0 && !r.quiet {
			r.c.marks.Hit(ClientRestarted)
			r.anew()
		}
		if !r.ready() {
			continue
		}
		var round []*sending
		var lanes []*lane
		for _, l := range r.parts {
			if s := r.choose(l); s != nil {
				round, lanes = append(round, s), append(lanes, l)
			}
		}
		if len(round) > 0 {
			r.send(lanes, round)
		}
	}
}

// ready makes sure of a connection and a producer id.
func (r *producer) ready() bool {
	if r.conn == nil || r.conn.closed || r.c.w.Uint64()%200 == 0 {
		a := r.c.anyAgent()
		if a == nil {
			return false
		}
		if r.conn == nil || r.conn.closed || r.conn.a != a {
			r.conn = a.connect()
		}
	}
	if r.id == batch.NoProducerID && !r.plain {
		r.id = r.c.allocate(r.conn.a, r.p)
		return r.id != batch.NoProducerID && r.conn != nil
	}
	return true
}

// choose gives the batch of the lane to be sent now, if any: the oldest that has to be sent again, else a new one.
func (r *producer) choose(l *lane) *sending {
	for _, s := range l.flight {
		if s.state == again {
			return s
		}
	}
	if r.quiet || len(l.flight) == inFlightMax || r.c.w.Uint64()%3 == 0 {
		return nil
	}
	s := &sending{seq: l.seq}
	n := 1 + int(r.c.w.Uint64()%4)
	records := make([]batch.NewRecord, n)
	for i := range records {
		v := fmt.Sprintf("%s/%d/%d", r.p.Name(), l.index, l.next)
		l.next++
		s.values = append(s.values, v)
		records[i] = batch.NewRecord{Timestamp: r.p.Now().UnixMilli(), Value: []byte(v)}
	}
	b := batch.Plain(0)
	if !r.plain {
		b.ProducerID, b.Epoch, b.BaseSequence = r.id, 0, s.seq
	}
	s.bytes = b.Build(records...)
	l.seq = batch.NextSequence(l.seq, int32(n))
	l.flight = append(l.flight, s)
	r.c.audit.sent(l.index, r.id, s.values)
	return s
}

// send sends one request and has its answer awaited.
func (r *producer) send(lanes []*lane, round []*sending) {
	q := &request{answer: env.NewFuture[[]ingest.Result](r.p)}
	for i, s := range round {
		if s.tries++; s.tries > 1 {
			r.c.marks.Hit(BatchRetried)
			if s.agent != r.conn.a.name {
				r.c.marks.Hit(BatchMoved)
			}
		}
		s.state, s.agent = waiting, r.conn.a.name
		r.c.w.Logf("produce %v seq %d to %d, try %d, at %s", s.values, s.seq, lanes[i].index, s.tries, s.agent)
		q.batches = append(q.batches, r.describe(lanes[i].index, s))
	}
	if !r.conn.send(q) {
		q.answer.Set(nil, base.Errorf(base.Stopping, "the connection is closed"))
	}
	id := r.id
	r.p.Go("await", func() {
		results, err := q.answer.Wait(r.p.Now().Add(requestTimeout))
		if err != nil {
			if base.KindOf(err) == base.RequestTimedOut {
				r.c.marks.Hit(BatchTimedOut)
			}
			if r.c.w.Uint64()%2 == 0 {
				r.conn = nil // tries another agent, perhaps
			}
		}
		for i, s := range round {
			if id != r.id {
				continue // given up meanwhile
			}
			res := ingest.Result{Kind: base.NotLeaderOrFollower}
			if err == nil {
				res = results[i]
			}
			r.answered(lanes[i], s, res)
		}
	})
}

func (r *producer) describe(index int32, s *sending) ingest.Batch {
	return ingest.Batch{Topic: r.c.topic, Partition: index, Bytes: s.bytes, Info: batch.Info{Count: s.bytes.Count(), MaxTimestamp: s.bytes.MaxTimestamp(),
		ProducerID: s.bytes.ProducerID(), Epoch: s.bytes.ProducerEpoch(), BaseSequence: s.bytes.BaseSequence()}}
}

// answered deals with what became of a batch.
func (r *producer) answered(l *lane, s *sending, res ingest.Result) {
	if s.state != waiting {
		return // an older try's answer; the newer's counts
	}
	r.c.w.Logf("answer to %v seq %d: %v at %d", s.values, s.seq, res.Kind, res.Base)
	switch {
	case res.Kind == base.OK:
		if s.tries > 1 && r.c.audit.knows(s.values[0]) {
			r.c.marks.Hit(BatchRepeated)
		}
		r.c.audit.acked(l.index, res.Base, s.values)
		s.state, l.gaps = done, 0
	case r.plain:
		r.giveUp(s)
	case res.Kind == base.OutOfOrderSequenceNumber && l.oldest() == s:
		s.state = again
		if l.gaps++; l.gaps >= gapTries {
			r.c.marks.Hit(ProducerAnew)
			r.anew()
		}
	case res.Kind == base.RequestTimedOut, res.Kind == base.NotLeaderOrFollower, res.Kind == base.OutOfOrderSequenceNumber:
		s.state = again
	default:
		r.c.audit.violated("produce-refused", "%v of producer %d: %v", s.values, r.id, res.Kind)
		s.state = done
	}
	l.drop()
}

// drop forgets the batches at the front that are done with.
func (l *lane) drop() {
	n := 0
	for n < len(l.flight) && l.flight[n].state == done {
		n++
	}
	l.flight = l.flight[n:]
}

func (l *lane) oldest() *sending {
	for _, s := range l.flight {
		if s.state != done {
			return s
		}
	}
	return nil
}

func (r *producer) giveUp(s *sending) {
	s.state = done
	r.c.marks.Hit(BatchUnknown)
	r.c.audit.gaveUp(s.values)
}

// anew gives up what is under way and takes another producer id, as a client does that cannot close a gap, or was
// started anew.
func (r *producer) anew() {
	r.c.w.Logf("producer %d begins anew", r.id)
	for _, l := range r.parts {
		for _, s := range l.flight {
			if s.state != done {
				r.giveUp(s)
			}
		}
		l.flight, l.seq, l.gaps = nil, 0, 0
	}
	r.id = batch.NoProducerID
}

// idle reports whether nothing is under way.
func (r *producer) idle() bool {
	for _, l := range r.parts {
		if len(l.flight) > 0 {
			return false
		}
	}
	return true
}

// allocate asks an agent for a producer id, as InitProducerId does; NoProducerID if none came.
func (c *Cluster) allocate(a *agent, by *sim.Proc) int64 {
	v, err := ask(by, a, requestTimeout, func() (*meta.Verdict, error) {
		return a.journal.Propose(&log.AllocateProducerIDs{Count: 1}).Wait(time.Time{})
	})
	if err != nil || v.Kind() != base.OK {
		return batch.NoProducerID
	}
	c.audit.issued(v.Log.ProducerID)
	return v.Log.ProducerID
}
