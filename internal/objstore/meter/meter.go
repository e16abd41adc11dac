package meter

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// LatencyBounds are the upper bounds of Operation.Latency's buckets; the last bucket has none.
var LatencyBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// Snapshot is the counts since New, by operation, in the order put-if-absent, put, get, head, list, delete.
type Snapshot []Operation

// Operation is the counts of one operation. They are read one after the other while calls go on, so they may differ
// by calls that end meanwhile.
type Operation struct {
	// Name is as in objstore.Error.Op.
	Name string
	// Requests is the number of calls that ended, well or not.
	Requests uint64
	// Errors is how many of them ended with an error of each kind. Exists, NotFound and InvalidRange are answers, not
	// troubles.
	Errors map[objstore.ErrorKind]uint64
	// BytesSent is the size of the bodies of puts, of failed ones too; BytesReceived that of the bodies of gets.
	BytesSent, BytesReceived uint64
	// Latency is how many calls took up to LatencyBounds[i] and more than the bound before; the last one is the rest.
	Latency [len(LatencyBounds) + 1]uint64
	// TotalTime is the sum of what they took.
	TotalTime time.Duration
}

const (
	create = iota
	put
	get
	head
	list
	remove
	operations
)

var names = [operations]string{"put-if-absent", "put", "get", "head", "list", "delete"}

// counters are those of one operation.
type counters struct {
	requests, sent, received atomic.Uint64
	nanos                    atomic.Int64
	errors                   [objstore.Fatal + 1]atomic.Uint64
	latency                  [len(LatencyBounds) + 1]atomic.Uint64
}

// Store implements objstore.Store around another. Make it with New.
type Store struct {
	inner objstore.Store
	env   env.Env
	of    [operations]counters
	watch func(op string, err error)
}

// New counts what is asked of inner; e's clock measures latency.
func New(e env.Env, inner objstore.Store) *Store { return &Store{inner: inner, env: e} }

var _ objstore.Store = (*Store)(nil)

// Watch has f told of every request that ends with an error; f must not wait. It is to be called before the Store is used.
func (s *Store) Watch(f func(op string, err error)) { s.watch = f }

// Snapshot reads the counts.
func (s *Store) Snapshot() Snapshot {
	out := make(Snapshot, operations)
	for i := range out {
		out[i] = s.of[i].read(names[i])
	}
	return out
}

func (c *counters) read(name string) Operation {
	o := Operation{
		Name:          name,
		Requests:      c.requests.Load(),
		BytesSent:     c.sent.Load(),
		BytesReceived: c.received.Load(),
		TotalTime:     time.Duration(c.nanos.Load()),
		Errors:        map[objstore.ErrorKind]uint64{},
	}
	for kind := range c.errors {
		if n := c.errors[kind].Load(); n > 0 {
			o.Errors[objstore.ErrorKind(kind)] = n
		}
	}
	for i := range c.latency {
		o.Latency[i] = c.latency[i].Load()
	}
	return o
}

// done counts a call that began at start.
func (s *Store) done(op int, start time.Time, sent, received int, err error) {
	c := &s.of[op]
	took := s.env.Now().Sub(start)
	bucket, _ := slices.BinarySearch(LatencyBounds[:], took)
	c.latency[bucket].Add(1)
	c.nanos.Add(int64(took))
	c.sent.Add(uint64(sent))
	c.received.Add(uint64(received))
	if err != nil {
		c.errors[objstore.KindOf(err)].Add(1)
		if s.watch != nil {
			s.watch(names[op], err)
		}
	}
	c.requests.Add(1)
}

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	start := s.env.Now()
	meta, err := s.inner.PutIfAbsent(ctx, key, body)
	s.done(create, start, len(body), 0, err)
	return meta, err
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	start := s.env.Now()
	meta, err := s.inner.Put(ctx, key, body...)
	s.done(put, start, objstore.SizeOf(body), 0, err)
	return meta, err
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	start := s.env.Now()
	o, err := s.inner.GetRange(ctx, key, off, n)
	s.done(get, start, 0, len(o.Body), err)
	return o, err
}

// Opener opens objects as files, each counted as a get of no bytes; nil if the Store's objects are no files.
func (s *Store) Opener() objstore.Opener {
	if inner, ok := s.inner.(objstore.Opener); ok {
		return opener{s, inner}
	}
	return nil
}

type opener struct {
	s     *Store
	inner objstore.Opener
}

func (o opener) Open(ctx context.Context, key string) (objstore.File, objstore.Meta, error) {
	start := o.s.env.Now()
	f, meta, err := o.inner.Open(ctx, key)
	o.s.done(get, start, 0, 0, err)
	return f, meta, err
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	start := s.env.Now()
	meta, err := s.inner.Head(ctx, key)
	s.done(head, start, 0, 0, err)
	return meta, err
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	start := s.env.Now()
	page, err := s.inner.List(ctx, prefix, startAfter, limit)
	s.done(list, start, 0, 0, err)
	return page, err
}

// Delete implements objstore.Store. It counts as one request, however many keys.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	start := s.env.Now()
	err := s.inner.Delete(ctx, keys...)
	s.done(remove, start, 0, 0, err)
	return err
}

// Info implements objstore.Store.
func (s *Store) Info() objstore.Info { return s.inner.Info() }
