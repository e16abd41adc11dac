package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// sender is a connection from which frames come, one after another without end, most bytes at a time.
type sender struct {
	net.Conn
	frames [][]byte // with their lengths
	most   int
	at     int
	rest   []byte
	asked  int // the most that was asked for at once
}

func (s *sender) add(frame []byte) {
	s.frames = append(s.frames, append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
}

func (s *sender) SetReadDeadline(time.Time) error { return nil }

func (s *sender) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		s.rest = s.frames[s.at%len(s.frames)]
		s.at++
	}
	s.asked = max(s.asked, len(b))
	n := copy(b[:min(len(b), s.most)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// wideRequest is a Produce to many partitions of a topic, each of which has the records that make gives.
func wideRequest(topic string, partitions int, make func(i int) []byte) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 10_000
	t := kmsg.ProduceRequestTopic{Topic: topic}
	for i := range partitions {
		t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: int32(i), Records: make(i)})
	}
	r.Topics = append(r.Topics, t)
	return r
}

// arrived reads a Produce that comes in pieces of most bytes.
func (b *bed) arrived(r *kmsg.ProduceRequest, most int) (*query, *kmsg.ProduceRequest, *sender) {
	b.t.Helper()
	c, s := newConn(b.broker, b.client.Conn), &sender{most: most}
	s.add(frameOf(r, 9))
	c.net = s
	frame, err := c.next()
	if err != nil {
		b.t.Fatal(err)
	}
	q, request, err := c.open(frame)
	if err != nil {
		b.t.Fatal(err)
	}
	return q, request.(*kmsg.ProduceRequest), s
}

// The batches of a large Produce are surveyed while it is read, but for those that no topic takes, and are not looked at again.
func TestALargeProduceIsSurveyedAsItIsRead(t *testing.T) {
	b := newBed(t)
	r := wideRequest("t", 500, func(i int) []byte {
		one := records(string(make([]byte, 5000)))
		if i%100 == 0 {
			one[len(one)-1] ^= 1
		}
		return one
	})
	for _, most := range []int{1000, 10 << 20} {
		q, request, s := b.arrived(r, most)
		if s.asked > surveyPiece {
			t.Errorf("%d bytes were read at once, the most is %d", s.asked, surveyPiece)
		}
		for i, p := range newProduction(q, request).parts {
			if p.survey.Known() != (i%100 != 0) {
				t.Errorf("partition %d: %+v", i, p.survey)
			}
		}
		if q.frame.surveys != nil {
			t.Error("the surveys are kept when they were handed out")
		}
		q.end()
	}
}

// A survey is of those bytes alone.
func TestASurveyIsOfItsBytes(t *testing.T) {
	b := newBed(t)
	r := wideRequest("t", 50, func(int) []byte { return records(string(make([]byte, 5000))) })
	for name, ask := range map[string]func(f *frame, of []byte) batch.Survey{
		"a copy":               func(f *frame, of []byte) batch.Survey { return f.surveyOf(0, bytes.Clone(of)) },
		"a part":               func(f *frame, of []byte) batch.Survey { return f.surveyOf(0, of[:len(of)-1]) },
		"another number":       func(f *frame, of []byte) batch.Survey { return f.surveyOf(1, of) },
		"a number there isn't": func(f *frame, of []byte) batch.Survey { return f.surveyOf(50, of) },
		"nothing":              func(f *frame, of []byte) batch.Survey { return f.surveyOf(0, nil) },
	} {
		q, request, _ := b.arrived(r, 1<<20)
		if s := ask(q.frame, request.Topics[0].Partitions[0].Records); s.Known() {
			t.Errorf("%s has the survey of the first", name)
		}
		q.end()
	}
}

// A bug in what decodes clients' bytes costs the request, not the agent.
func TestASurveyThatPanicsIsNone(t *testing.T) {
	b := newBed(t)
	m := &frame{bytes: make([]byte, 10), surveys: &surveys{}} // without an Arriving
	if newConn(b.broker, b.client.Conn).survey(m, 10); m.surveys != nil || b.broker.Stats().Panics != 1 {
		t.Errorf("there are surveys, or %d panics", b.broker.Stats().Panics)
	}
}

// Of a request with batches of which nothing can be known not many are looked at.
func TestSurveysInVainEnd(t *testing.T) {
	b := newBed(t)
	corrupt := records(string(make([]byte, 1000)))
	corrupt[len(corrupt)-1] ^= 1
	q, _, _ := b.arrived(wideRequest("t", 500, func(int) []byte { return corrupt }), 1<<20)
	if s := q.frame.surveys; s.seen != surveyMisses || len(s.list) != 0 {
		t.Errorf("%d were looked at, the most is %d", s.seen, surveyMisses)
	}
	q.end()
}

// Every version of Produce that is served is surveyed.
func TestEveryVersionIsSurveyed(t *testing.T) {
	served := apiFor(0)
	for version := served.min; version <= served.max; version++ {
		r := wideRequest("t", 1, func(int) []byte { return make([]byte, 1000) })
		if front := frameOf(r, version)[:100]; version >= 3 && surveysOf(front) == nil {
			t.Errorf("version %d is not", version)
		}
	}
}

// A request that is surveyed as it comes is answered like one that comes at once, whatever is wrong with it.
func TestSurveyedOrNotTheAnswerIsTheSame(t *testing.T) {
	answers := func(version int16, options ...option) (list []*kmsg.ProduceResponse) {
		b := newBed(t, options...)
		b.topic("orders", "max.message.bytes", "2000")
		b.topic("stamped", "message.timestamp.type", "LogAppendTime")
		b.topic("compacted", "cleanup.policy", "compact")
		for range 2 {
			r := oddProduce()
			if version >= 13 {
				for i := range r.Topics {
					if topic, ok := b.control.View().Log.TopicByName(r.Topics[i].Topic); ok {
						r.Topics[i].TopicID = topic.ID
					}
					r.Topics[i].Topic = ""
				}
			}
			a := ask[*kmsg.ProduceResponse](b.client, version, r)
			for i := range a.Topics {
				for j := range a.Topics[i].Partitions {
					if p := &a.Topics[i].Partitions[j]; p.LogAppendTime > 0 {
						p.LogAppendTime = 1
					}
				}
			}
			list = append(list, a)
		}
		return list
	}
	early := func(config *Config, _ *Deps, _ *controlConfig) { config.FirstPiece = 100 }
	for _, version := range []int16{3, 8, 9, 12, 13} {
		want, got := answers(version), answers(version, early)
		if !reflect.DeepEqual(want, got) {
			t.Errorf("version %d: %+v, want %+v", version, got, want)
		}
		if fine := want[1].Topics[0].Partitions[0]; fine.ErrorCode != 0 || fine.BaseOffset != 2 {
			t.Errorf("version %d: %+v", version, fine)
		}
	}
}

// oddProduce has a partition that stands twice, and of each thing that is wrong with a batch one.
func oddProduce() *kmsg.ProduceRequest {
	part := func(index int32, records []byte) kmsg.ProduceRequestTopicPartition {
		return kmsg.ProduceRequestTopicPartition{Partition: index, Records: records}
	}
	corrupt := records("a")
	corrupt[len(corrupt)-1] ^= 1
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 10_000
	r.Topics = []kmsg.ProduceRequestTopic{
		{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{
			part(0, corrupt), part(1, records("a", "b", "c")), part(2, records(string(make([]byte, 2000)))), part(0, records("a", "b")), part(7, records("a")),
		}},
		{Topic: "stamped", Partitions: []kmsg.ProduceRequestTopicPartition{part(0, records("a")), part(1, nil), part(2, []byte{})}},
		{Topic: "none", Partitions: []kmsg.ProduceRequestTopicPartition{part(0, records("a"))}},
		{Topic: "compacted", Partitions: []kmsg.ProduceRequestTopicPartition{part(0, records("a", "b")), part(1, corrupt)}},
		{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{part(1, corrupt)}},
	}
	return r
}

// What a request's surveys take is bounded: those of further partitions are taken in the end.
func TestSurveysAreBounded(t *testing.T) {
	b := newBed(t)
	b.wide(2 * surveysMax)
	one := records("")
	for _, c := range []struct {
		records []byte
		want    int
	}{{one, surveysMax}, {nil, 0}} {
		r := wideRequest("wide", 2*surveysMax, func(int) []byte { return c.records })
		q, _, _ := b.arrived(r, 1<<20)
		if n := len(q.frame.surveys.list); n != c.want {
			t.Errorf("%d surveys, want %d", n, c.want)
		}
		q.end()
	}
	r := wideRequest("wide", 2*surveysMax, func(int) []byte { return one })
	for _, p := range ask[*kmsg.ProduceResponse](b.client, 9, r).Topics[0].Partitions {
		if p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
	}
}

// lagging stands in for ingest: an append is durable when some have come after it, as the frames of a busy agent are held for longer than
// they stay in a processor's caches.
type lagging struct {
	held []func()
	lag  int
}

func (l *lagging) Append(batches []ingest.Batch) *env.Future[[]ingest.Result] {
	f := env.NewFuture[[]ingest.Result](env.Real())
	results := make([]ingest.Result, len(batches))
	if l.held = append(l.held, func() { f.Set(results, nil) }); len(l.held) > l.lag {
		l.held[0]()
		l.held = l.held[1:]
	}
	return f
}

// BenchmarkProduceArriving measures requests of some 16 MB, no two batches of which are alike, from their first byte until their batches
// are handed over.
func BenchmarkProduceArriving(b *testing.B) {
	for _, c := range []struct{ partitions, records int }{{64, 500}, {2000, 16}} {
		b.Run(fmt.Sprintf("%dx%dKiB", c.partitions, c.records), func(b *testing.B) {
			bed := newBed(b, func(config *Config, deps *Deps, _ *controlConfig) {
				config.Memory, deps.Ingest = 256<<20, &lagging{lag: 6}
			})
			bed.wide(int32(c.partitions))
			rng := rand.New(rand.NewPCG(1, 2))
			s := &sender{most: 2 << 20}
			for range 4 {
				s.add(frameOf(wideRequest("wide", c.partitions, func(int) []byte { return logLines(rng, c.records) }), 9))
			}
			conn := newConn(bed.broker, bed.client.Conn)
			conn.net = s
			b.SetBytes(int64(c.partitions) * int64(c.records) << 10)
			b.ReportAllocs()
			for b.Loop() {
				frame, err := conn.next()
				if err != nil {
					b.Fatal(err)
				}
				q, request, err := conn.open(frame)
				if err != nil {
					b.Fatal(err)
				}
				if a := conn.b.run(q, request); a.later == nil {
					b.Fatal("all is refused")
				}
			}
		})
	}
}

// logLines is an lz4 batch of n records of 1 KiB.
func logLines(rng *rand.Rand, n int) []byte {
	records := make([]batch.NewRecord, n)
	for i := range records {
		value := make([]byte, 0, 1<<10)
		for len(value) < 1000 {
			value = fmt.Appendf(value, "%x level=info id=%d ", rng.Uint32(), rng.Uint32N(1000))
		}
		records[i] = batch.NewRecord{Timestamp: time.Now().UnixMilli(), Value: value}
	}
	return batch.Plain(batch.LZ4).Build(records...)
}
