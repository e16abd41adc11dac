package broker

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func soon() time.Time { return time.Now().Add(10 * time.Second) }

// bed is one agent over a bucket in memory, and a client of it.
type bed struct {
	t       testing.TB
	store   objstore.Store
	control *control.Control
	broker  *Broker
	fetch   *fakeFetch
	addr    string
	client  *client
}

// option changes what a bed is made with.
type option func(config *Config, deps *Deps, profile *control.Config)

func newBed(t testing.TB, options ...option) *bed {
	t.Helper()
	e, store := env.Real(), memstore.New(time.Now)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, store: store, addr: l.Addr().String(), fetch: &fakeFetch{}}
	cc := control.Config{Profile: admin.Profile{Kafka: b.addr, Roles: admin.AllRoles, Zone: "z1"}, W: journal.W, Log: quiet}
	config := Config{Memory: 64 << 20, Log: quiet}
	deps := Deps{Fetch: b.fetch}
	for _, o := range options {
		o(&config, &deps, &cc)
	}
	cluster, err := journal.OpenCluster(t.Context(), e, store)
	if err != nil {
		t.Fatal(err)
	}
	b.control = control.New(e, store, cluster, cc, nil)
	in := ingest.New(e, b.control, store, ingest.Config{BatchTimeout: 10 * time.Millisecond, BatchBytes: 8 << 20, Log: quiet})
	groups := coord.New(e, b.control, config.Group, quiet)
	if err := b.control.Start(); err != nil {
		t.Fatal(err)
	}
	deps.Journal, deps.Coord = b.control, groups
	if deps.Ingest == nil {
		deps.Ingest = in
	}
	b.broker = New(e, config, deps)
	b.broker.Serve(l)
	b.client = b.dial()
	t.Cleanup(func() {
		b.client.Close()
		b.broker.Drain(soon())
		in.Stop(soon())
		groups.Stop(soon())
		b.control.Stop(soon())
	})
	return b
}

// another registers an agent at another address.
func (b *bed) another(addr string) *control.Control {
	b.t.Helper()
	e := env.Real()
	cluster, err := journal.OpenCluster(b.t.Context(), e, b.store)
	if err != nil {
		b.t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	c := control.New(e, b.store, cluster, control.Config{Profile: admin.Profile{Kafka: addr, Roles: admin.AllRoles}, W: journal.W, Log: quiet}, nil)
	if err := c.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Stop(soon()) })
	if _, err := b.control.Barrier(soon()); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// newFuzzBed is a bed whose log of what clients did wrong is not kept, and where a Fetch finds nothing.
func newFuzzBed(f *testing.F) *bed {
	b := newBed(f)
	b.fetch.answer = func(fetch.Request) fetch.Response { return fetch.Response{} }
	b.fetch.atTime = func(int64, bool) (int64, int64, error) { return -1, -1, nil }
	return b
}

// topic makes a topic of three partitions behind the broker's back.
func (b *bed) topic(name string, configs ...string) *log.Topic {
	b.t.Helper()
	op := &log.CreateTopic{Name: name, ID: [16]byte{1, byte(len(name)), name[0]}, Partitions: 3}
	for i := 0; i < len(configs); i += 2 {
		op.Configs = append(op.Configs, kv(configs[i], configs[i+1]))
	}
	v, err := b.control.Propose(op).Wait(soon())
	if err != nil || v.Kind() != 0 {
		b.t.Fatalf("create %s: %v %v", name, err, v)
	}
	t, _ := b.control.View().Log.TopicByName(name)
	return t
}

// client speaks the protocol over one connection.
type client struct {
	net.Conn
	t    testing.TB
	id   string
	next int32
}

func (b *bed) dial() *client {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{Conn: c, t: b.t, id: "test"}
}

// send writes a request without awaiting its answer.
func (c *client) send(r kmsg.Request) int32 {
	c.t.Helper()
	c.next++
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.id))
	if _, err := c.Write(f.AppendRequest(nil, r, c.next)); err != nil {
		c.t.Fatal(err)
	}
	return c.next
}

// frame reads one answer: its correlation id and what follows.
func (c *client) frame() (int32, []byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return 0, nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return 0, nil, err
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:], nil
}

func (c *client) receive(r kmsg.Request, id int32) kmsg.Response {
	c.t.Helper()
	got, body, err := c.frame()
	if err != nil || got != id {
		c.t.Fatalf("%T v%d: answer %d, want %d: %v", r, r.GetVersion(), got, id, err)
	}
	response := r.ResponseKind()
	if response.IsFlexible() && response.Key() != 18 {
		body = body[1:]
	}
	if err := response.ReadFrom(body); err != nil {
		c.t.Fatalf("%T v%d: %v", r, r.GetVersion(), err)
	}
	if again := response.AppendTo(nil); !bytes.Equal(again, body) {
		c.t.Fatalf("%T v%d: the answer has %d bytes, what it says %d", r, r.GetVersion(), len(body), len(again))
	}
	return response
}

// ask makes one round trip.
func ask[T kmsg.Response](c *client, version int16, r kmsg.Request) T {
	c.t.Helper()
	r.SetVersion(version)
	return c.receive(r, c.send(r)).(T)
}

// ended reports whether the agent closed the connection without another byte.
func (c *client) ended() bool {
	_, err := c.Read(make([]byte, 1))
	ne, timeout := err.(net.Error)
	return err != nil && !(timeout && ne.Timeout())
}

// fakeFetch stands in for the reading of records.
type fakeFetch struct {
	asked  atomic.Pointer[fetch.Request] // the last one
	answer func(fetch.Request) fetch.Response
	atTime func(timestamp int64, max bool) (int64, int64, error)
}

func (f *fakeFetch) Read(q fetch.Request, _ time.Time) fetch.Response {
	f.asked.Store(&q)
	return f.answer(q)
}

func (f *fakeFetch) AtTime(_ meta.View, _ base.TopicID, _ int32, timestamp int64, max bool, _ time.Time) (int64, int64, error) {
	return f.atTime(timestamp, max)
}
