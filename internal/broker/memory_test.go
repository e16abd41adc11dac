package broker

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/ingest"
)

// underWay is an append without a result.
type underWay struct {
	bytes  []byte // of its batch, in the request's memory
	future *env.Future[[]ingest.Result]
}

func (u underWay) end() { u.future.Set([]ingest.Result{{}}, nil) }

// at is where in memory the batch is.
func (u underWay) at() *byte { return &u.bytes[0] }

// holdingIngest holds every append, with the bytes of its first batch.
type holdingIngest struct{ appends chan underWay }

func (h holdingIngest) Append(batches []ingest.Batch) *env.Future[[]ingest.Result] {
	u := underWay{batches[0].Bytes, env.NewFuture[[]ingest.Result](env.Real())}
	h.appends <- u
	return u.future
}

// newHoldingBed is an agent whose appends are handed to the test, and a Produce whose frame is larger than a first piece.
func newHoldingBed(t *testing.T) (*bed, holdingIngest, *kmsg.ProduceRequest) {
	h := holdingIngest{make(chan underWay, 100)}
	b := newBed(t, withIngest(h))
	b.topic("orders")
	r := produceRequest("orders", 0, records(string(make([]byte, 3*FirstPiece))))
	r.SetVersion(9)
	return b, h, r
}

// The memory of a Produce whose batches have their results is that of the next one.
func TestSpentMemoryIsUsedAgain(t *testing.T) {
	b, h, r := newHoldingBed(t)
	var places []*byte
	for range 3 {
		id := b.client.send(r)
		u := <-h.appends
		places = append(places, u.at())
		u.end()
		b.client.receive(r, id)
	}
	if places[0] != places[1] || places[0] != places[2] {
		t.Errorf("three requests, one after another, lay at %v", places)
	}
	if got := b.broker.frames.reserved(); got != 0 {
		t.Errorf("%d bytes are reserved in the end", got)
	}
}

// An acks=0 Produce needs no answer, and others follow at once: its memory is its own until its batches have their results.
func TestMemoryIsNotUsedAgainWhileUnasked(t *testing.T) {
	b, h, r := newHoldingBed(t)
	r.Acks = 0
	b.client.send(r)
	first := <-h.appends
	want := bytes.Clone(first.bytes)
	b.client.send(r)
	second := <-h.appends
	if first.at() == second.at() || !bytes.Equal(first.bytes, want) {
		t.Error("a request that is under way lost its memory to the next one")
	}
	first.end()
	b.client.send(r)
	third := <-h.appends
	if third.at() != first.at() {
		t.Error("the memory of the first is not used again, though it is done")
	}
	second.end()
	third.end()
}

// A client that was told of a time-out is done with its request. The agent is not.
func TestMemoryIsNotUsedAgainAfterATimeout(t *testing.T) {
	t.Parallel()
	b, h, r := newHoldingBed(t)
	r.TimeoutMillis = 1
	id := b.client.send(r)
	first := <-h.appends
	p := produced(t, b.client.receive(r, id).(*kmsg.ProduceResponse))
	if p.ErrorCode != int16(base.RequestTimedOut) {
		t.Fatalf("error %d, want a time-out", p.ErrorCode)
	}
	b.client.send(r)
	second := <-h.appends
	if first.at() == second.at() {
		t.Error("the memory was used again before the append had a result")
	}
	first.end()
	b.client.send(r)
	third := <-h.appends
	if third.at() != first.at() {
		t.Error("the memory is not used again after the late result")
	}
	second.end()
	third.end()
}

// brokenIngest keeps what it is given, and has its caller panic.
type brokenIngest struct{ holdingIngest }

func (i brokenIngest) Append(batches []ingest.Batch) *env.Future[[]ingest.Result] {
	i.holdingIngest.Append(batches)
	return nil
}

// Nobody knows who still has the bytes of a handler that panicked.
func TestMemoryIsNotUsedAgainAfterAPanic(t *testing.T) {
	h := brokenIngest{holdingIngest{make(chan underWay, 100)}}
	b := newBed(t, withIngest(h))
	b.topic("orders")
	r := produceRequest("orders", 0, records(string(make([]byte, 3*FirstPiece))))
	r.SetVersion(9)
	b.client.send(r)
	first := <-h.appends
	want := bytes.Clone(first.bytes)
	eventually(t, "the panic is over, the budget free", func() bool { return b.broker.Stats().Panics == 1 && b.broker.frames.reserved() == 0 })
	if n := len(b.broker.frames.whole.kept.list); n != 0 {
		t.Errorf("%d pieces of memory are kept", n)
	}
	again := b.dial()
	defer again.Close()
	again.send(r)
	if second := <-h.appends; second.at() == first.at() || !bytes.Equal(first.bytes, want) {
		t.Error("the memory was used again")
	}
}

// rudeWatcher has a bug.
type rudeWatcher struct{ nobody }

func (rudeWatcher) Produced(time.Time, []ingest.Batch, []ingest.Result) { panic("a bug") }

// A handler that panics when its memory was given back does not give it back again.
func TestMemoryIsGivenBackOnce(t *testing.T) {
	b := newBed(t, withIngest(ingestOK{}), func(config *Config, _ *Deps, _ *controlConfig) { config.Watch = rudeWatcher{} })
	b.topic("orders")
	r := produceRequest("orders", 0, records(string(make([]byte, 3*FirstPiece))))
	r.SetVersion(9)
	b.client.send(r)
	if !b.client.ended() || b.broker.Stats().Panics != 1 {
		t.Errorf("%d panics, and no end", b.broker.Stats().Panics)
	}
	eventually(t, "all memory is free", func() bool { return b.broker.frames.reserved() == 0 })
	again := b.dial()
	defer again.Close()
	ask[*kmsg.ApiVersionsResponse](again, 0, kmsg.NewPtrApiVersionsRequest())
}

// What is kept is within the budget, and let go of when it is of no use.
func TestKeptMemoryIsBounded(t *testing.T) {
	inFrameBed(t, 64<<20, func(f *frameBed) {
		m := &f.b.frames.whole
		var held []*frame
		for range 40 {
			held = append(held, m.atLeast(1<<20))
		}
		for _, one := range held {
			one.spend()
			if most := m.Free(); m.kept.bytes > most {
				t.Fatalf("%d bytes are kept, at most %d may be", m.kept.bytes, most)
			}
		}
		if m.kept.bytes < 40<<20 {
			t.Errorf("only %d bytes are kept of 40 MiB", m.kept.bytes)
		}
		m.atLeast(int(m.Size()/spareShare) + 1).spend()
		for _, one := range m.kept.list {
			if int64(len(one.room)) > m.Size()/spareShare {
				t.Errorf("a piece of %d bytes is kept, more than an eighth of the budget", len(one.room))
			}
		}
		all := m.atLeast(f.b.frames.largest())
		if len(all.room) != f.b.frames.largest() || m.kept.bytes != 0 {
			t.Errorf("a frame of all there is has %d bytes, beside %d that are kept", len(all.room), m.kept.bytes)
		}
		all.spend()
		m.atLeast(1 << 20).spend()
		f.agent.Sleep(keepFor + 2*stillTick)
		if m.kept.bytes != 0 || len(m.kept.list) != 0 {
			t.Errorf("%d bytes are kept for nobody", m.kept.bytes)
		}
	})
}

// Of what is kept a frame is given what is least too large, and nothing that is more than twice as large, or for which there is no
// budget.
func TestWhatIsTakenOfWhatIsKept(t *testing.T) {
	s := &spares{}
	for _, size := range []int{100, 300, 200, 120} {
		s.put(make([]byte, size), time.Time{}, func() int64 { return 1000 })
	}
	for _, c := range []struct{ ask, most, want int }{{110, 1000, 120}, {110, 10, 0}, {110, 1000, 200}, {110, 1000, 0}, {100, 0, 100}, {300, 0, 300}} {
		if got := s.take(c.ask, func(more int) bool { return c.ask+more <= max(c.ask, c.most) }); len(got) != c.want {
			t.Errorf("asked for %d of at most %d, got %d, want %d", c.ask, c.most, len(got), c.want)
		}
	}
	if s.bytes != 0 || len(s.list) != 0 {
		t.Errorf("%d pieces, %d bytes left", len(s.list), s.bytes)
	}
}

// The room that is made beside a frame is an eighth of it at most.
func TestRoomIsLittleMore(t *testing.T) {
	for size := 1; size < 1<<20; size = size*9/8 + 1 {
		if room := roomFor(size); room < size || room > size+size/roomShare {
			t.Errorf("room of %d for %d bytes", room, size)
		}
	}
}
