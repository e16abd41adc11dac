package fault

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/millrace-io/millrace/internal/objstore"
)

// When is the moment at which a Fault strikes.
type When uint8

const (
	// Before the work: nothing is done.
	Before When = iota
	// After the work: it is done, and the answer lost.
	After
	// Late, for writes: the work is done by the next Land, long after the error.
	Late
)

// Fault says which calls fail, and how.
type Fault struct {
	// Op is the operation's name as in objstore.Error; "" means any. KeyPrefix begins the key, or the listed prefix.
	Op, KeyPrefix string
	// Skip is how many matching calls pass first; Times how many fail then, 0 meaning 1, -1 all.
	Skip, Times int
	When        When
	Kind        objstore.ErrorKind
}

// Call is one call that reached the store, failed or not.
type Call struct{ Op, Key string }

// errInjected is the cause of every injected error.
var errInjected = errors.New("injected by a test")

// Store implements objstore.Store around another. Make it with New.
type Store struct {
	inner objstore.Store

	mu     sync.Mutex
	faults []*Fault
	calls  []Call
	late   []func()
}

// New makes a Store that behaves as inner until faults are injected.
func New(inner objstore.Store) *Store { return &Store{inner: inner} }

var _ objstore.Store = (*Store)(nil)

// Inject adds a fault. Of several that match a call the one injected first strikes.
func (s *Store) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Clear takes all faults away. Late writes still land.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls lists the calls so far.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Count tells how many calls of op there were so far.
func (s *Store) Count(op string) int {
	n := 0
	for _, c := range s.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// Land does the late writes, in their order. What comes of them nobody learns.
func (s *Store) Land() {
	s.mu.Lock()
	late := s.late
	s.late = nil
	s.mu.Unlock()
	for _, write := range late {
		write()
	}
}

// strike notes a call and gives the fault that it meets, or nil.
func (s *Store) strike(op, key string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{op, key})
	for _, f := range s.faults {
		switch {
		case f.Op != "" && f.Op != op, !strings.HasPrefix(key, f.KeyPrefix), f.Times == 0:
			continue
		case f.Skip > 0:
			f.Skip--
			return nil
		case f.Times > 0:
			f.Times--
		}
		return f
	}
	return nil
}

// run does a call's work as the fault it meets allows.
func run[T any](ctx context.Context, s *Store, op, key string, work func(context.Context) (T, error)) (T, error) {
	f := s.strike(op, key)
	if f == nil {
		return work(ctx)
	}
	switch f.When {
	case After:
		work(ctx)
	case Late:
		s.mu.Lock()
		s.late = append(s.late, func() { work(context.WithoutCancel(ctx)) })
		s.mu.Unlock()
	}
	var none T
	return none, &objstore.Error{Kind: f.Kind, Op: op, Key: key, Cause: errInjected}
}

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	body = bytes.Clone(body)
	return run(ctx, s, "put-if-absent", key, func(ctx context.Context) (objstore.Meta, error) {
		return s.inner.PutIfAbsent(ctx, key, body)
	})
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	body = [][]byte{slices.Concat(body...)}
	return run(ctx, s, "put", key, func(ctx context.Context) (objstore.Meta, error) {
		return s.inner.Put(ctx, key, body...)
	})
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	return run(ctx, s, "get", key, func(ctx context.Context) (objstore.Object, error) { return s.inner.GetRange(ctx, key, off, n) })
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	return run(ctx, s, "head", key, func(ctx context.Context) (objstore.Meta, error) { return s.inner.Head(ctx, key) })
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	return run(ctx, s, "list", prefix, func(ctx context.Context) (objstore.Page, error) { return s.inner.List(ctx, prefix, startAfter, limit) })
}

// Delete implements objstore.Store. The first key stands for all.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	first := ""
	if len(keys) > 0 {
		first = keys[0]
	}
	_, err := run(ctx, s, "delete", first, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.inner.Delete(ctx, keys...)
	})
	return err
}

// Info implements objstore.Store.
func (s *Store) Info() objstore.Info { return s.inner.Info() }
