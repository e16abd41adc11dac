package broker

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base/env"
)

// countedRooms are Rooms that know what of them is in use.
type countedRooms struct {
	mu    sync.Mutex
	out   map[*byte]int
	taken int
}

func (r *countedRooms) Take(bytes int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := make([]byte, bytes)
	r.out[&room[0]] = bytes
	r.taken++
	return room
}

func (r *countedRooms) Give(room []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out[&room[0]] != len(room) {
		panic("this room was not taken, or was given back before")
	}
	delete(r.out, &room[0])
}

// used tells how many bytes are in use.
func (r *countedRooms) used() (bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.out {
		bytes += int64(n)
	}
	return bytes
}

// kept tells how many bytes wait to be used again.
func (b *bed) kept() int64 {
	s := b.broker.frames.whole.kept
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

func newRoomsBed(t *testing.T, options ...option) (*bed, *countedRooms) {
	rooms := &countedRooms{out: map[*byte]int{}}
	b := newBed(t, append(options, func(config *Config, _ *Deps, _ *controlConfig) { config.Rooms = rooms })...)
	b.topic("orders")
	return b, rooms
}

// Whatever becomes of a Produce, its memory is kept for the next one or given back: nobody else finds what is lost of it.
func TestNoRoomIsLost(t *testing.T) {
	large := string(make([]byte, 3*FirstPiece))
	produce := func(change func(*kmsg.ProduceRequest)) *kmsg.ProduceRequest {
		r := produceRequest("orders", 0, records(large))
		r.SetVersion(9)
		change(r)
		return r
	}
	whole := produceRequest("orders", 0, records(large))
	whole.SetVersion(9)
	frame := kmsg.NewRequestFormatter().AppendRequest(nil, whole, 1)
	broken := append([]byte(nil), frame...)
	for i := range broken[20:] { // what follows the header
		broken[20+i] = 0xff
	}
	transaction := "t"
	for name, send := range map[string]func(c *client){
		"acknowledged": func(c *client) { c.receive(whole, c.send(whole)) },
		"of a topic that is not there": func(c *client) {
			r := produce(func(r *kmsg.ProduceRequest) { r.Topics[0].Topic = "nothing" })
			c.receive(r, c.send(r))
		},
		"with records that are none": func(c *client) {
			r := produce(func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Records = []byte(large) })
			c.receive(r, c.send(r))
		},
		"of a transaction": func(c *client) {
			r := produce(func(r *kmsg.ProduceRequest) { r.TransactionID = &transaction })
			c.receive(r, c.send(r))
		},
		"of a version that is too old": func(c *client) {
			r := produce(func(r *kmsg.ProduceRequest) { r.SetVersion(2) })
			c.receive(r, c.send(r))
		},
		"without an answer": func(c *client) { c.send(produce(func(r *kmsg.ProduceRequest) { r.Acks = 0 })) },
		"refused without an answer": func(c *client) {
			c.send(produce(func(r *kmsg.ProduceRequest) { r.Acks, r.Topics[0].Topic = 0, "nothing" }))
			c.ended()
		},
		"that cannot be decoded": func(c *client) {
			if _, _ = c.Write(broken); !c.ended() {
				c.t.Error("it was answered")
			}
		},
		"that is cut short": func(c *client) { _, _ = c.Write(frame[:2*FirstPiece]) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, rooms := newRoomsBed(t)
			c := b.dial()
			send(c)
			eventually(t, "it has its memory", func() bool { rooms.mu.Lock(); defer rooms.mu.Unlock(); return rooms.taken > 0 })
			c.Close()
			eventually(t, "all of it is free or kept", func() bool { return b.broker.frames.reserved() == 0 && rooms.used() == b.kept() })
		})
	}
}

// What others than Produces bring is of Go's heap, where who still looks at it may.
func TestRoomsAreForProduces(t *testing.T) {
	b, rooms := newRoomsBed(t)
	r := kmsg.NewPtrMetadataRequest()
	for range 3 * FirstPiece / 200 {
		name := string(make([]byte, 200))
		r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	ask[*kmsg.MetadataResponse](b.client, 9, r)
	if rooms.taken != 0 {
		t.Errorf("%d rooms were taken for a Metadata", rooms.taken)
	}
}

// A handler that panicked before it handed anything on leaves its memory to others.
func TestTheRoomOfAnEarlyPanicIsNotLost(t *testing.T) {
	b, rooms := newRoomsBed(t, func(config *Config, _ *Deps, _ *controlConfig) { config.Allow = rudeAuthorizer{} })
	r := produceRequest("orders", 0, records(string(make([]byte, 3*FirstPiece))))
	r.SetVersion(9)
	b.client.send(r)
	eventually(t, "the panic is over", func() bool { return b.broker.Stats().Panics == 1 })
	eventually(t, "all of it is free or kept", func() bool { return b.broker.frames.reserved() == 0 && rooms.used() == b.kept() && b.kept() > 0 })
}

// rudeAuthorizer has a bug.
type rudeAuthorizer struct{}

func (rudeAuthorizer) Allow(Client, Operation, Resource, string) bool { panic("a bug") }

// Who waits for the budget is given the very memory that is spent.
func TestSpentMemoryIsThereForWhoWaits(t *testing.T) {
	rooms := &countedRooms{out: map[*byte]int{}}
	m := newMemory(env.Real(), 8<<20, rooms)
	var held []*frame
	for range 8 {
		held = append(held, m.atLeast(1<<20))
	}
	got := make(chan *frame)
	go func() { got <- m.atLeast(1 << 20) }()
	eventually(t, "it waits", func() bool { return m.Waiting() == 1 })
	place := &held[0].room[0]
	held[0].spend()
	if f := <-got; &f.room[0] != place || rooms.taken != 8 {
		t.Errorf("%d rooms were taken for eight frames at a time", rooms.taken)
	}
}

// Who has the bytes of a handler that panicked is not known: they are nobody else's any more.
func TestTheRoomOfAPanicIsNotGivenBack(t *testing.T) {
	h := brokenIngest{holdingIngest{make(chan underWay, 100)}}
	b, rooms := newRoomsBed(t, withIngest(h))
	r := produceRequest("orders", 0, records(string(make([]byte, 3*FirstPiece))))
	r.SetVersion(9)
	b.client.send(r)
	<-h.appends
	eventually(t, "the panic is over, the budget free", func() bool { return b.broker.Stats().Panics == 1 && b.broker.frames.reserved() == 0 })
	if b.kept() != 0 || rooms.used() == 0 {
		t.Errorf("%d bytes are kept, %d in use", b.kept(), rooms.used())
	}
}

// What is not kept any more is given back: for want of budget, for a newer one, or because nobody came for it.
func TestWhatIsLetGoOfIsGivenBack(t *testing.T) {
	rooms := &countedRooms{out: map[*byte]int{}}
	m := &memory{rooms: rooms}
	s := &spares{}
	most := int64(300)
	check := func(what string, want int64) {
		t.Helper()
		if s.bytes != want || rooms.used() != want {
			t.Errorf("%s: %d bytes are kept, %d in use, want %d", what, s.bytes, rooms.used(), want)
		}
	}
	now := time.Now()
	for range 4 {
		m.give(s.put(rooms.Take(100), now, func() int64 { return most }))
	}
	check("four of 100 where 300 may be kept", 300)
	m.give(s.put(rooms.Take(400), now, func() int64 { return most }))
	check("one that is larger than all that may be kept", 300)
	most = 250
	m.give(s.shrink(func() int64 { return most }))
	check("less may be kept", 200)
	m.give(s.put(rooms.Take(50), now.Add(keepFor), func() int64 { return most }))
	m.give(s.expire(now.Add(keepFor)))
	check("those that nobody came for", 50)
}
