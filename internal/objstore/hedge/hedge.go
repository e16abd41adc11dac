package hedge

import (
	"context"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Store implements objstore.Store around another. Make it with New.
type Store struct {
	inner objstore.Store
	env   env.Env
	off   bool

	mu     sync.Mutex
	recent [operations][sizes]recent
	budget budget
	stats  Stats
}

// Stats counts hedges since New.
type Stats struct {
	Requests int64 // that might have been hedged
	Sent     int64 // hedges
	Won      int64 // hedges whose answer counted
}

// New hedges what is slow at inner.
func New(e env.Env, inner objstore.Store) *Store {
	return &Store{inner: inner, env: e, off: inner.Info().OneDisk, budget: budget{tokens: tokensMax}}
}

var _ objstore.Store = (*Store)(nil)

// Stats gives the counts at this moment.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return hedged(ctx, s, create, len(body), func(ctx context.Context) (objstore.Meta, error) { return s.inner.PutIfAbsent(ctx, key, body) })
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return hedged(ctx, s, put, len(body), func(ctx context.Context) (objstore.Meta, error) { return s.inner.Put(ctx, key, body) })
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	return hedged(ctx, s, get, int(n), func(ctx context.Context) (objstore.Object, error) { return s.inner.GetRange(ctx, key, off, n) })
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	return s.inner.Head(ctx, key)
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	return s.inner.List(ctx, prefix, startAfter, limit)
}

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.inner.Delete(ctx, keys...)
}

// Info implements objstore.Store.
func (s *Store) Info() objstore.Info { return s.inner.Info() }

// hedged makes one request of bytes bytes (negative: to the end of the object), or two.
func hedged[T any](ctx context.Context, s *Store, op operation, bytes int, send func(context.Context) (T, error)) (T, error) {
	if s.off {
		return send(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := s.env.Now()
	delay, known := s.begin(op, bytes, began)
	p := newPair(s.env, send)
	p.launch(ctx)
	hedged := false
	// What is refused for want of budget is asked for again when the request is twice as late.
	for late := delay; known && !hedged && !p.await(began.Add(late)) && ctx.Err() == nil; late *= 2 {
		if hedged = s.take(late > delay); hedged {
			p.launch(ctx)
		}
	}
	p.await(time.Time{})
	if hedged {
		s.giveBack(p.won())
	}
	out, err := p.answer()
	s.end(op, bytes, began, err)
	return out, err
}

// begin counts a request, and says after what time it is to be hedged, if that is known.
func (s *Store) begin(op operation, bytes int, now time.Time) (delay time.Duration, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.budget.earn()
	return s.recent[op][sizeOf(bytes)].late(now)
}

// end notes how long a request took. That of a request which lost to its hedge was not seen to its end, but was above what
// counts as slow in any case: what counts as slow does not fall for that.
func (s *Store) end(op operation, bytes int, began time.Time, err error) {
	now := s.env.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case answered(err):
		s.recent[op][sizeOf(bytes)].note(now, now.Sub(began))
	case objstore.Is(err, objstore.Throttled):
		s.budget.tokens = min(s.budget.tokens, 0)
		s.budget.throttled = now
	}
}

// answered reports whether the store did what it was asked, or said why there is nothing to be done.
func answered(err error) bool {
	return err == nil || objstore.Is(err, objstore.Exists) || objstore.Is(err, objstore.NotFound)
}

func (s *Store) take(veryLate bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.budget.take(veryLate, s.env.Now()) {
		return false
	}
	s.stats.Sent++
	return true
}

func (s *Store) giveBack(won bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget.inFlight--
	if won {
		s.stats.Won++
	}
}
