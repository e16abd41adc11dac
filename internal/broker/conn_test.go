package broker

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/ingest"
)

// slowIngest holds every append until it is let go.
type slowIngest struct {
	asked   atomic.Int32
	futures chan *env.Future[[]ingest.Result]
}

func newSlowIngest() *slowIngest {
	return &slowIngest{futures: make(chan *env.Future[[]ingest.Result], 1000)}
}

func (s *slowIngest) Append([]ingest.Batch) *env.Future[[]ingest.Result] {
	f := env.NewFuture[[]ingest.Result](env.Real())
	s.asked.Add(1)
	s.futures <- f
	return f
}

// answer ends the oldest append that is under way.
func (s *slowIngest) answer(base int64) {
	(<-s.futures).Set([]ingest.Result{{Base: base}}, nil)
}

func withIngest(i Ingest) option { return func(_ *Config, d *Deps, _ *controlConfig) { d.Ingest = i } }

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("it did not come to pass in 2 s: %s", what)
}

// Produces are taken in while earlier ones wait; a request of another kind waits for all of them; answers keep the order.
func TestOrderOfAnswers(t *testing.T) {
	slow := newSlowIngest()
	b := newBed(t, withIngest(slow))
	b.topic("orders")
	r := produceRequest("orders", 0, records("x"))
	r.SetVersion(9)
	var ids []int32
	for range 5 {
		ids = append(ids, b.client.send(r))
	}
	versions := kmsg.NewPtrApiVersionsRequest()
	ids = append(ids, b.client.send(versions))
	eventually(t, "five appends under way", func() bool { return slow.asked.Load() == 5 })

	var last [5]*env.Future[[]ingest.Result]
	for i := range last {
		last[i] = <-slow.futures
	}
	last[4].Set([]ingest.Result{{Base: 4}}, nil) // the last one first: its answer waits for the others'
	for i := range 4 {
		last[i].Set([]ingest.Result{{Base: int64(i)}}, nil)
	}
	for i := range 5 {
		p := produced(t, b.client.receive(r, ids[i]).(*kmsg.ProduceResponse))
		if p.BaseOffset != int64(i) {
			t.Errorf("answer %d: offset %d", i, p.BaseOffset)
		}
	}
	b.client.receive(versions, ids[5])
}

// The Produces of a connection that wait are bounded; the rest stays in the socket.
func TestPipelineIsBounded(t *testing.T) {
	slow := newSlowIngest()
	b := newBed(t, withIngest(slow))
	b.topic("orders")
	r := produceRequest("orders", 0, records("x"))
	r.SetVersion(9)
	const sent = 3 * maxPipelined
	for range sent {
		b.client.send(r)
	}
	eventually(t, "a full pipeline", func() bool { return slow.asked.Load() >= maxPipelined })
	time.Sleep(50 * time.Millisecond)
	if n := slow.asked.Load(); n > maxPipelined+2 { // one waits for its answer beside the queue, one for room in it
		t.Errorf("%d appends under way, want at most %d", n, maxPipelined+2)
	}
	go func() {
		for i := range sent {
			slow.answer(int64(i))
		}
	}()
	for i := range int32(sent) {
		b.client.receive(r, i+1)
	}
}

// acks=0 is never answered; what comes next is. An error ends the connection.
func TestNoAcks(t *testing.T) {
	b := newBed(t)
	topic := b.topic("orders")
	r := produceRequest("orders", 0, records("x"))
	r.Acks = 0
	r.SetVersion(9)
	b.client.send(r)
	ask[*kmsg.ApiVersionsResponse](b.client, 0, kmsg.NewPtrApiVersionsRequest())
	if _, p, _ := b.control.View().Log.PartitionOf(topic.ID, 0); p.End != 1 {
		t.Errorf("end is %d, want 1", p.End)
	}
	r.Topics[0].Topic = "none"
	b.client.send(r)
	if !b.client.ended() {
		t.Error("the connection goes on after an error")
	}
}

// A frame's bytes are reserved until the append is done, also when its answer came before that: the client's time-out.
func TestMemoryIsHeldUntilTheAppendIsDone(t *testing.T) {
	slow := newSlowIngest()
	b := newBed(t, withIngest(slow))
	b.topic("orders")
	r := produceRequest("orders", 0, records("x"))
	r.SetVersion(9)
	id := b.client.send(r)
	eventually(t, "an append", func() bool { return slow.asked.Load() == 1 })
	if b.broker.frames.reserved() == 0 {
		t.Error("nothing is reserved")
	}
	slow.answer(0)
	b.client.receive(r, id)
	eventually(t, "all memory is free", func() bool { return b.broker.frames.reserved() == 0 })
}

// A request for more than there is at the moment waits; the first one's end lets it in.
func TestReadingWaitsForMemory(t *testing.T) {
	slow := newSlowIngest()
	b := newBed(t, withIngest(slow), func(c *Config, _ *Deps, _ *controlConfig) { c.Memory = 1 << 20 })
	b.topic("orders")
	r := produceRequest("orders", 0, records(string(make([]byte, 700_000))))
	r.SetVersion(9)
	b.client.send(r)
	eventually(t, "an append", func() bool { return slow.asked.Load() == 1 })
	second := b.dial()
	defer second.Close()
	second.send(r)
	eventually(t, "one that waits", func() bool { return b.broker.frames.whole.Waiting() == 1 })
	if slow.asked.Load() != 1 {
		t.Errorf("%d appends, want 1", slow.asked.Load())
	}
	slow.answer(0)
	b.client.receive(r, 1)
	slow.answer(1)
	second.receive(r, 1)
}

// What is no request ends the connection, and only that.
func TestGarbage(t *testing.T) {
	b := newBed(t)
	frame := func(body ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	for name, bytes := range map[string][]byte{
		"http":                {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'},
		"negative length":     {0xff, 0xff, 0xff, 0xff, 0},
		"oversized":           {0x7f, 0xff, 0xff, 0xff, 0},
		"beyond the memory":   binary.BigEndian.AppendUint32(nil, 64<<20+1),
		"no header":           {0, 0, 0, 1, 0},
		"unknown key":         frame(0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff),
		"key not served":      frame(0, 68, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0),
		"version not served":  frame(0, 1, 0, 3, 0, 0, 0, 1, 0xff, 0xff),
		"truncated body":      frame(0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 9),
		"a lie about lengths": frame(0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0),
	} {
		c := b.dial()
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		if !c.ended() {
			t.Errorf("%s: the connection goes on", name)
		}
		c.Close()
	}
	ask[*kmsg.ApiVersionsResponse](b.client, 0, kmsg.NewPtrApiVersionsRequest())
	eventually(t, "all are counted, and their memory is free", func() bool {
		s := b.broker.Stats()
		return s.Malformed == 10 && s.Panics == 0 && s.FrameBytes == 0
	})
}

// A client that goes away in mid-frame leaves nothing behind.
func TestHalfAFrame(t *testing.T) {
	b := newBed(t)
	c := b.dial()
	if _, err := c.Write([]byte{0, 0x10, 0, 0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a reservation", func() bool { return b.broker.frames.reserved() > 0 })
	c.Close()
	eventually(t, "its end", func() bool {
		return b.broker.frames.reserved() == 0 && b.broker.Stats().Connections == 1
	})
}

func TestIdleConnectionsEnd(t *testing.T) {
	b := newBed(t, func(_ *Config, _ *Deps, c *controlConfig) {
		c.Static = map[string]string{"connections.max.idle.ms": "50"}
	})
	if !b.client.ended() {
		t.Error("it goes on")
	}
}

// A draining agent answers what is under way, then closes; nobody new is taken in.
func TestDrain(t *testing.T) {
	slow := newSlowIngest()
	b := newBed(t, withIngest(slow))
	b.topic("orders")
	r := produceRequest("orders", 0, records("x"))
	r.SetVersion(9)
	b.client.send(r)
	eventually(t, "an append", func() bool { return slow.asked.Load() == 1 })
	idle := b.dial()
	done := make(chan bool)
	go func() { done <- b.broker.Drain(soon()) }()
	if !idle.ended() {
		t.Error("an idle connection goes on")
	}
	slow.answer(7)
	if p := produced(t, b.client.receive(r, 1).(*kmsg.ProduceResponse)); p.BaseOffset != 7 {
		t.Errorf("%+v", p)
	}
	if !b.client.ended() || !<-done {
		t.Error("the connection goes on")
	}
	if c, err := net.Dial("tcp", b.addr); err == nil {
		c.Close()
		t.Error("a connection was taken")
	}
}

// A bug in a handler costs its client an error, not the agent its life.
func TestPanicsAreContained(t *testing.T) {
	b := newBed(t)
	b.fetch.answer = nil // Read panics
	r := kmsg.NewPtrFetchRequest()
	a := ask[*kmsg.FetchResponse](b.client, 12, r)
	if a.ErrorCode != int16(base.UnknownServerError) || b.broker.Stats().Panics != 1 {
		t.Errorf("%+v, %d panics", a, b.broker.Stats().Panics)
	}
	ask[*kmsg.ApiVersionsResponse](b.client, 0, kmsg.NewPtrApiVersionsRequest())
}

// Any bytes at all: the agent closes the connection or answers, and gives back what it reserved.
func FuzzConnection(f *testing.F) {
	r := kmsg.NewRequestFormatter()
	for i := range apis {
		request := kmsg.RequestForKey(apis[i].key)
		for _, version := range []int16{apis[i].min, apis[i].max} {
			request.SetVersion(version)
			f.Add(r.AppendRequest(nil, request, 1))
		}
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	b := newFuzzBed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Skip(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = c.Write(data)
		_ = c.(*net.TCPConn).CloseWrite()
		buf := make([]byte, 4096)
		for err == nil {
			_, err = c.Read(buf)
		}
		if s := b.broker.Stats(); s.Panics > 0 {
			t.Fatalf("%d panics", s.Panics)
		}
	})
}

// ingestOK appends everything at once, to nowhere.
type ingestOK struct{}

func (ingestOK) Append(batches []ingest.Batch) *env.Future[[]ingest.Result] {
	f := env.NewFuture[[]ingest.Result](env.Real())
	f.Set(make([]ingest.Result, len(batches)), nil)
	return f
}
