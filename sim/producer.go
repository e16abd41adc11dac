package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

const (
	inFlightMax    = 5 // as every Kafka client: more would outrun the window of repeats
	requestTimeout = 6 * time.Second
	restartEvery   = 100 // rounds, about, between a client's lives
	giveUpTries    = 4   // of one batch, at least
	gapTries       = 2   // answers "out of order" to the oldest batch before a producer begins anew
)

// habit is how a producer goes about it.
type habit struct {
	idempotent bool  // it has a producer id, and its batches have sequence numbers
	retries    bool  // what failed it sends again; without an id that may be in the log twice then, as with Kafka
	acks       int16 // 0: it does not wait for an answer
}

// producer is a simulated client, pipelined as the real ones. It sends each partition's batches in order, at most
// inFlightMax without an answer; what failed it sends again, if it does that, oldest first, perhaps to another agent.
type producer struct {
	c *Cluster
	p *sim.Proc
	habit
	who   string // its name, and the number of this life
	id    int64
	path  path
	parts []*lane
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
	there  bool // in the log, as a reader saw, when it was sent last
}

type sendState uint8

const (
	waiting sendState = iota // for an answer
	again                    // to be sent again
	done
)

// path is how a producer gets its requests to agents.
type path interface {
	// ready makes sure of what is needed before anything can be sent; false: not now.
	ready() bool
	// carrier gives the connection for a partition's batches; nil: nobody is known to take them.
	carrier(partition int32) carrier
	// failed is told that a request had no answer in time, or that the connection broke.
	failed(k carrier, timedOut bool)
	// refused is told that an agent does not take a partition's batches.
	refused()
	// allocate gives a producer id; NoProducerID if none came.
	allocate() int64
}

// carrier is one connection to one life of an agent: requests arrive in order, or it breaks.
type carrier interface {
	// send hands a request over; false when the connection is broken.
	send(q *request) bool
	to() string
}

// newProducer starts a producer; path is made in its process.
func (c *Cluster) newProducer(name string, h habit) *producer {
	c.lives++
	r := &producer{c: c, p: c.w.Proc(name), habit: h, who: fmt.Sprintf("%s.%d", name, c.lives), id: batch.NoProducerID}
	for i := range int32(c.options.Partitions) {
		r.parts = append(r.parts, &lane{index: i})
	}
	r.path = &directPath{c: c, p: r.p}
	if c.options.Whole {
		r.path = &kafkaPath{c.newKafka(r.p)}
	}
	r.p.Go("producer", r.run)
	return r
}

// sendEvery is the longest pause of a producer, twice the mean. Once it has nothing new to send it hurries.
func (c *Cluster) sendEvery() time.Duration {
	if c.quiet {
		return min(time.Second, 2*c.options.SendEvery)
	}
	return 2 * c.options.SendEvery
}

// round is what one connection is given at once: at most one batch of each partition.
type round struct {
	by    carrier
	lanes []*lane
	batch []*sending
}

func (r *producer) run() {
	for {
		r.p.Sleep(r.c.w.Between(0, r.c.sendEvery()))
		if r.c.w.Uint64()%restartEvery == 0 && !r.c.quiet {
			r.c.marks.Hit(ClientRestarted)
			r.anew()
		}
		if !r.ready() {
			continue
		}
		carriers := make([]carrier, len(r.parts))
		for i, l := range r.parts {
			carriers[i] = r.path.carrier(l.index)
		}
		if r.id == batch.NoProducerID && r.idempotent {
			continue // began anew while it connected
		}
		var rounds []*round
		for i, l := range r.parts {
			if by := carriers[i]; by != nil {
				if s := r.choose(l); s != nil {
					rounds = add(rounds, by, l, s)
				}
			}
		}
		for _, o := range rounds {
			r.send(o)
		}
	}
}

func add(rounds []*round, by carrier, l *lane, s *sending) []*round {
	i := slices.IndexFunc(rounds, func(o *round) bool { return o.by == by })
	if i < 0 {
		i, rounds = len(rounds), append(rounds, &round{by: by})
	}
	o := rounds[i]
	o.lanes, o.batch = append(o.lanes, l), append(o.batch, s)
	return rounds
}

// ready makes sure of a connection and a producer id.
func (r *producer) ready() bool {
	if !r.path.ready() {
		return false
	}
	if r.id == batch.NoProducerID && r.idempotent {
		if r.id = r.path.allocate(); r.id != batch.NoProducerID {
			r.c.audit.issued(r.id)
		}
	}
	return r.id != batch.NoProducerID || !r.idempotent
}

// choose gives the batch of the lane to be sent now, if any: the oldest that has to be sent again, else a new one.
func (r *producer) choose(l *lane) *sending {
	for _, s := range l.flight {
		if s.state == again {
			if s.tries >= giveUpTries && r.c.w.Uint64()%8 == 0 && !r.c.quiet {
				r.giveUp(s) // as at delivery.timeout.ms: what follows may meet a gap
				l.drop()
				continue
			}
			return s
		}
	}
	if r.c.quiet || len(l.flight) == inFlightMax || r.c.w.Uint64()%3 == 0 {
		return nil
	}
	s := &sending{seq: l.seq}
	n, stamp := 1+int(r.c.w.Uint64()%4), r.c.bucket.now().UnixMilli()
	records := make([]batch.NewRecord, n)
	for i := range records {
		v := fmt.Sprintf("%s/%d/%d", r.who, l.index, l.next)
		l.next++
		s.values = append(s.values, v)
		records[i] = batch.NewRecord{Timestamp: stamp, Value: []byte(v)}
	}
	b := batch.Plain(0)
	if r.idempotent {
		b.ProducerID, b.Epoch, b.BaseSequence = r.id, 0, s.seq
	}
	s.bytes = b.Build(records...)
	l.seq = batch.NextSequence(l.seq, int32(n))
	l.flight = append(l.flight, s)
	r.c.audit.sent(l.index, r, stamp, s.values)
	return s
}

// send sends one request and has its answer awaited.
func (r *producer) send(o *round) {
	q := &request{acks: r.acks, answer: env.NewFuture[[]ingest.Result](r.p)}
	for i, s := range o.batch {
		if s.tries++; s.tries > 1 {
			r.c.marks.Hit(BatchRetried)
			if s.agent != o.by.to() {
				r.c.marks.Hit(BatchMoved)
			}
		}
		s.state, s.agent, s.there = waiting, o.by.to(), r.c.audit.knows(s.values[0])
		r.c.w.Logf("produce %v seq %d to %d, try %d, at %s", s.values, s.seq, o.lanes[i].index, s.tries, s.agent)
		q.batches = append(q.batches, r.describe(o.lanes[i].index, s))
	}
	sent := o.by.send(q)
	if !sent {
		q.answer.Set(nil, base.Errorf(base.Stopping, "the connection is closed"))
	}
	if sent && r.acks == 0 {
		for i, s := range o.batch {
			r.giveUp(s)
			o.lanes[i].drop()
		}
		return
	}
	id := r.id
	r.p.Go("await", func() { r.await(o, q, id) })
}

// await waits for the answer to a request of the producer when its id was id.
func (r *producer) await(o *round, q *request, id int64) {
	results, err := q.answer.Wait(r.p.Now().Add(requestTimeout))
	if err != nil {
		late := base.KindOf(err) == base.RequestTimedOut
		if late {
			r.c.marks.Hit(BatchTimedOut)
		}
		r.path.failed(o.by, late)
	}
	for i, s := range o.batch {
		if id != r.id {
			continue // given up meanwhile
		}
		res := ingest.Result{Kind: base.NotLeaderOrFollower}
		if err == nil {
			res = results[i]
		}
		r.answered(o.lanes[i], s, res)
	}
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
	if s.there && res.Kind == base.OutOfOrderSequenceNumber {
		r.c.audit.violated(CheckRepeat, "%v seq %d of producer %d is in the log of partition %d, was sent again, and refused: %v", s.values, s.seq, r.id, l.index, res.Kind)
	}
	switch {
	case res.Kind == base.OK:
		if s.tries > 1 && r.c.audit.knows(s.values[0]) {
			r.c.marks.Hit(BatchRepeated)
		}
		r.c.audit.acked(l.index, res.Base, s.values)
		s.state, l.gaps = done, 0
	case !r.retries:
		r.giveUp(s)
	case res.Kind == base.OutOfOrderSequenceNumber && l.oldest() == s:
		r.c.marks.Hit(BatchGap)
		s.state = again
		if l.gaps++; l.gaps >= gapTries {
			r.c.marks.Hit(ProducerAnew)
			r.anew()
		}
	case res.Kind == base.RequestTimedOut, res.Kind == base.NotLeaderOrFollower, res.Kind == base.OutOfOrderSequenceNumber:
		s.state = again
		r.path.refused()
	default:
		r.c.audit.violated(CheckRefused, "%v of producer %d: %v", s.values, r.id, res.Kind)
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
