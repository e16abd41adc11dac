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

// New hedges what is slow at inner. The second answers to reads take bodiesMax bytes of memory at most.
func New(e env.Env, inner objstore.Store, bodiesMax int64) *Store {
	return &Store{inner: inner, env: e, off: inner.Info().OneDisk, budget: budget{tokens: tokensMax, bodies: bodiesMax}}
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
	return hedged(ctx, s, request{op: create, bytes: len(body)}, func(ctx context.Context) (objstore.Meta, error) { return s.inner.PutIfAbsent(ctx, key, body) })
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return hedged(ctx, s, request{op: put, bytes: objstore.SizeOf(body)}, func(ctx context.Context) (objstore.Meta, error) { return s.inner.Put(ctx, key, body...) })
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	return hedged(ctx, s, request{op: get, bytes: int(n)}, func(ctx context.Context) (objstore.Object, error) { return s.inner.GetRange(ctx, key, off, n) })
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

// Info implements objstore.Store. The loser of two requests may look at a body when the winner has returned.
func (s *Store) Info() objstore.Info {
	info := s.inner.Info()
	info.BodyFree = info.BodyFree && s.off
	return info
}

// request is what the bounds need to know of one.
type request struct {
	op    operation
	bytes int // of the body; negative: to the end of the object
}

// body is the memory that a second answer takes: a write's is that of the caller. False: nobody knows.
func (r request) body() (bytes int64, known bool) {
	if r.op != get {
		return 0, true
	}
	return int64(r.bytes), r.bytes >= 0
}

// hedged makes one request, or two.
func hedged[T any](ctx context.Context, s *Store, r request, send func(context.Context) (T, error)) (T, error) {
	if s.off {
		return send(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := s.env.Now()
	delay, known := s.begin(r, began)
	p := newPair(s.env, send)
	p.launch(ctx, nil)
	hedged := false
	// What is refused for want of budget is asked for again when the request is twice as late.
	for late := delay; known && !hedged && !p.await(began.Add(late)) && ctx.Err() == nil; late *= 2 {
		if hedged = s.take(r, late > delay); hedged {
			p.launch(ctx, func() { s.bodyGone(r) })
		}
	}
	p.await(time.Time{})
	if hedged {
		s.giveBack(p.won())
	}
	out, err := p.answer()
	s.end(r, began, err)
	return out, err
}

// begin counts a request, and says after what time it is to be hedged, if that is known.
func (s *Store) begin(r request, now time.Time) (delay time.Duration, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.budget.earn()
	delay, known = s.recent[r.op][sizeOf(r.bytes)].late(now)
	_, bounded := r.body()
	return delay, known && bounded
}

// end notes how long a request took. That of a request which lost to its hedge was not seen to its end, but was above what
// counts as slow in any case: what counts as slow does not fall for that.
func (s *Store) end(r request, began time.Time, err error) {
	now := s.env.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case answered(err):
		s.recent[r.op][sizeOf(r.bytes)].note(now, now.Sub(began))
	case objstore.Is(err, objstore.Throttled):
		s.budget.tokens = min(s.budget.tokens, 0)
		s.budget.throttled = now
	}
}

// answered reports whether the store did what it was asked, or said why there is nothing to be done.
func answered(err error) bool {
	return err == nil || objstore.Is(err, objstore.Exists) || objstore.Is(err, objstore.NotFound)
}

func (s *Store) take(r request, veryLate bool) bool {
	body, _ := r.body()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.budget.take(body, veryLate, s.env.Now()) {
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

// bodyGone: one of the two answers is the caller's now, or neither; the other's body is nobody's.
func (s *Store) bodyGone(r request) {
	body, _ := r.body()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget.bodies += body
}
