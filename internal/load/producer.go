package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

var acks = map[string]kgo.Acks{"all": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck()}

const (
	keyBytes = 16
	// deliveryTimeout gives a record up, as Kafka's Java producer does, and requestTimeout, with the client's ten seconds more, a request: sooner,
	// a broker that is behind has all that it is at work on sent anew, and gets nowhere.
	deliveryTimeout = 2 * time.Minute
	requestTimeout  = 30 * time.Second
	// requestsInFlight of a producer that is not idempotent, as Kafka's Java producer has them.
	requestsInFlight = 5
)

// producerOptions are those of a producing client.
func (c *Config) producerOptions() []kgo.Opt {
	options := []kgo.Opt{
		kgo.DefaultProduceTopic(c.Topic), kgo.RequiredAcks(acks[c.Acks]), kgo.ProducerBatchCompression(codecs[c.Codec]),
		kgo.ProducerLinger(time.Duration(c.Linger)), kgo.ProducerBatchMaxBytes(int32(c.BatchBytes)), kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.ProduceRequestTimeout(requestTimeout),
		kgo.MaxBufferedBytes(c.BufferBytes), kgo.MaxBufferedRecords(max(1, c.BufferBytes/c.RecordBytes)),
	}
	if !c.Idempotence {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(requestsInFlight))
	}
	return options
}

// producer sends the records of one client.
type producer struct {
	client   *kgo.Client
	clock    *clock
	meter    *meter
	run      uint64
	id       uint16
	config   *Config
	filler   []byte
	at       int // in the filler
	rng      *rand.Rand
	number   uint64         // of the next record
	finished sync.Pool      // records that may be used again
	unsent   uint64         // records that were due in the window and not sent; set when produce returns
	waiting  *hdr.Histogram // how long they had waited by then; nil: there are none

	mu           sync.Mutex
	acknowledged bitset
	failed       uint64
	failure      error // the first
}

// record makes the next record.
func (p *producer) record(due time.Duration) *kgo.Record {
	r, ok := p.finished.Get().(*kgo.Record)
	if !ok {
		r = &kgo.Record{Value: make([]byte, p.config.RecordBytes)}
		if p.config.Keys > 0 {
			r.Key = make([]byte, keyBytes)
		}
	}
	*r = kgo.Record{Key: r.Key, Value: r.Value}
	if p.at+len(r.Value) > len(p.filler) {
		p.at = 0
	}
	copy(r.Value[stampBytes:], p.filler[p.at:])
	p.at += len(r.Value)
	if p.config.Keys > 0 {
		copy(r.Key, "key-")
		binary.BigEndian.PutUint32(r.Key[4:], p.rng.Uint32N(uint32(p.config.Keys)))
	}
	stamp{run: p.run, producer: p.id, number: p.number, due: due}.seal(r.Value)
	p.number++
	return r
}

// first sends a record and waits for its acknowledgement: what is wrong with the settings shows here.
func (p *producer) first(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	done := make(chan error, 1)
	p.client.Produce(ctx, p.record(p.clock.now()), func(r *kgo.Record, err error) {
		p.done(r, err)
		done <- err
	})
	if err := <-done; err != nil {
		return fmt.Errorf("the first record was not taken: %w", err)
	}
	return nil
}

// firstTimeout bounds the wait for the first acknowledgement: a new topic may take a while to be known everywhere.
const firstTimeout = requestTimeout + 20*time.Second

// produce sends by schedule until the window ends or ctx does. Records under way live on in work.
func (p *producer) produce(ctx, work context.Context, s schedule) {
	for i := uint64(0); ; i++ {
		due := s.due(i)
		if !s.paced() {
			due = max(due, p.clock.now())
		}
		late := !sleepUntil(ctx, p.clock, min(due, p.meter.window.end())) || p.clock.now() >= p.meter.window.end()
		if late {
			p.overdue(s, i)
			return
		}
		p.client.Produce(work, p.record(due), p.done)
	}
}

// overdueValues bounds the values by which the latencies of records that were not sent are described.
const overdueValues = 1 << 20

// overdue counts the records from next on that were due in the window and have not been sent at its end, or now. They have waited
// until now, and so their latencies are at least that: to leave them out would flatter a cluster that cannot keep up.
func (p *producer) overdue(s schedule, next uint64) {
	now := p.clock.now()
	next = max(next, s.before(p.meter.window.from()))
	end := s.before(min(p.meter.window.end(), now))
	if next >= end {
		return
	}
	p.unsent, p.waiting = end-next, hdr.New(1, latencyMax, digits)
	step := max(1, p.unsent/overdueValues)
	for ; next < end; next += step {
		_ = p.waiting.RecordValues(micros(now-s.due(next)), int64(min(step, end-next))) // in range
	}
}

// fill sends so many records as fast as possible, and waits until they are acknowledged.
func (p *producer) fill(ctx context.Context, records int64) error {
	for range records {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.client.Produce(ctx, p.record(p.clock.now()), p.done)
	}
	if err := p.client.Flush(ctx); err != nil {
		return err
	}
	if _, failed, failure := p.outcome(); failed > 0 {
		return fmt.Errorf("%d records of the backlog were not taken: %w", failed, failure)
	}
	return nil
}

// done is told what became of a record.
func (p *producer) done(r *kgo.Record, err error) {
	s := open(r.Value)
	now := p.clock.now()
	p.settle(s.number, err)
	if err == nil {
		p.meter.done(now, s.due, len(r.Value))
	}
	p.finished.Put(r)
}

func (p *producer) settle(number uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.acknowledged.add(number)
	case p.failed == 0:
		p.failure = err
		fallthrough
	default:
		p.failed++
	}
}

// outcome gives what was acknowledged, which is not to be changed any more, and what was not.
func (p *producer) outcome() (acknowledged *bitset, failed uint64, failure error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &p.acknowledged, p.failed, p.failure
}
