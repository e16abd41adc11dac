package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

const (
	topicName = "load"
	kafkaPort = ":9092"
	// inFlight is what a client has under way on a connection, as Kafka's max.in.flight.requests.per.connection.
	inFlight = 5
	// The versions spoken: the last that name topics by name.
	produceVersion, fetchVersion = 12, 12
	initVersion                  = 5
)

// line is a connection to an agent.
type line struct {
	p    *sim.Proc
	conn net.Conn
	out  *kmsg.RequestFormatter
	next int32
}

func dial(p *sim.Proc, agent int) (*line, error) {
	conn, err := p.Dial(fmt.Sprintf("agent%d%s", agent, kafkaPort), time.Second)
	return &line{p: p, conn: conn, out: kmsg.NewRequestFormatter(kmsg.FormatterClientID(p.Name()))}, err
}

func (l *line) send(r kmsg.Request) error {
	l.next++
	_, err := l.conn.Write(l.out.AppendRequest(nil, r, l.next))
	return err
}

// receive reads the next answer, to a request like r.
func (l *line) receive(r kmsg.Request) (kmsg.Response, error) {
	var size [4]byte
	if _, err := io.ReadFull(l.conn, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(l.conn, frame); err != nil {
		return nil, err
	}
	response := r.ResponseKind()
	body := frame[4:]
	if response.IsFlexible() {
		body = body[1:]
	}
	return response, response.ReadFrom(body)
}

// producerID asks for the number of a new idempotent producer.
func (l *line) producerID() (int64, error) {
	r := kmsg.NewPtrInitProducerIDRequest()
	r.SetVersion(initVersion)
	if err := l.send(r); err != nil {
		return 0, err
	}
	got, err := l.receive(r)
	if err != nil {
		return 0, err
	}
	answer := got.(*kmsg.InitProducerIDResponse)
	if answer.ErrorCode != 0 {
		return 0, fmt.Errorf("no producer id: error %d", answer.ErrorCode)
	}
	return answer.ProducerID, nil
}

// produce starts the k-th producer of an agent. Its partition is its own.
func (x *world) produce(agent, k int) {
	p := x.w.Proc(fmt.Sprintf("producer%d-%d", agent, k))
	p.Go("producer", func() {
		l, err := dial(p, agent)
		var id int64
		if err == nil {
			id, err = l.producerID()
		}
		if err != nil {
			x.fail(err)
			return
		}
		partition := int32(agent*x.producers + k)
		sent := env.NewQueue[time.Duration](p, inFlight) // when each was to be sent
		p.Go("answers", func() { x.acknowledge(l, sent) })
		due := x.w.Elapsed()
		for sequence := int32(0); ; sequence++ {
			due += x.pause()
			if wait := due - x.w.Elapsed(); wait > 0 {
				p.Sleep(wait)
			}
			if sent.Push(due, time.Time{}) != nil {
				return
			}
			if err := l.send(x.request(partition, id, sequence, due)); err != nil {
				x.fail(err)
				return
			}
		}
	})
}

// pause draws the time between two batches of a producer: they come at random.
func (x *world) pause() time.Duration {
	u := (float64(x.w.Uint64()>>11) + 0.5) / (1 << 53)
	return time.Duration(-math.Log(u) / x.perSecond * float64(time.Second))
}

// request is a Produce of an idempotent producer's next record, which says when it was to be sent.
func (x *world) request(partition int32, id int64, sequence int32, due time.Duration) kmsg.Request {
	value := make([]byte, max(8, x.bytes))
	binary.BigEndian.PutUint64(value, uint64(due))
	r := kmsg.NewPtrProduceRequest()
	r.SetVersion(produceVersion)
	r.Acks, r.TimeoutMillis = -1, 30_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topicName
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = partition
	builder := batch.Plain(batch.None)
	builder.ProducerID, builder.Epoch, builder.BaseSequence = id, 0, sequence
	part.Records = builder.Build(batch.NewRecord{Timestamp: 1_700_000_000_000 + due.Milliseconds(), Value: value})
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	return r
}

func (x *world) acknowledge(l *line, sent *env.Queue[time.Duration]) {
	like := kmsg.NewPtrProduceRequest()
	like.SetVersion(produceVersion)
	for {
		got, err := l.receive(like)
		if err != nil {
			x.fail(err)
			return
		}
		due, ok := sent.TryPop()
		if code := got.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 || !ok {
			x.fail(fmt.Errorf("a batch was refused: error %d", code))
			return
		}
		if x.measures {
			x.measured.produce = append(x.measured.produce, x.w.Elapsed()-due)
		}
	}
}

// consume starts a consumer that reads what the next agent's producers write from agent.
func (x *world) consume(agent int) {
	p := x.w.Proc(fmt.Sprintf("consumer%d", agent))
	first := int32((agent + 1) % agents * x.producers)
	p.Go("consumer", func() {
		l, err := dial(p, agent)
		next := make([]int64, x.producers)
		for err == nil {
			r := fetchOf(first, next)
			if err = l.send(r); err != nil {
				break
			}
			var got kmsg.Response
			if got, err = l.receive(r); err == nil {
				err = x.deliver(got.(*kmsg.FetchResponse), first, next)
			}
		}
		x.fail(err)
	})
}

// fetchOf asks for all partitions from first on, from these offsets.
func fetchOf(first int32, next []int64) kmsg.Request {
	r := kmsg.NewPtrFetchRequest()
	r.SetVersion(fetchVersion)
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.SessionEpoch = 500, 1, 50<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topicName
	for i, offset := range next {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.FetchOffset, part.PartitionMaxBytes = first+int32(i), offset, 1<<20
		t.Partitions = append(t.Partitions, part)
	}
	r.Topics = append(r.Topics, t)
	return r
}

func (x *world) deliver(got *kmsg.FetchResponse, first int32, next []int64) error {
	for _, t := range got.Topics {
		for _, part := range t.Partitions {
			if part.ErrorCode != 0 {
				return fmt.Errorf("a fetch was refused: error %d", part.ErrorCode)
			}
			for rest := part.RecordBatches; len(rest) > 0; {
				b, after, err := batch.Next(rest)
				if err != nil {
					return err
				}
				it, err := batch.Iterate(b, 1<<20)
				if err != nil {
					return err
				}
				for it.Next() {
					next[part.Partition-first] = it.Offset() + 1
					if due := time.Duration(binary.BigEndian.Uint64(it.Record().Value)); x.measures {
						x.measured.endToEnd = append(x.measured.endToEnd, x.w.Elapsed()-due)
					}
				}
				rest = after
			}
		}
	}
	return nil
}
