package retry

import (
	"context"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Policy bounds the repetitions of one operation.
type Policy struct {
	// Attempts is the most requests for one operation, at least 1.
	Attempts int
	// FirstPause is the longest pause after the first failure; each further one may be twice as long, up to MaxPause.
	// What is waited is drawn from the upper half.
	FirstPause, MaxPause time.Duration
	// Deadline bounds the whole operation: it ends a running attempt and begins none past it.
	Deadline time.Duration
}

// DefaultPolicy rides out a throttled or restarting store for some 15 s. The deadline leaves a 128 MiB object time on
// a slow line.
var DefaultPolicy = Policy{Attempts: 8, FirstPause: 100 * time.Millisecond, MaxPause: 5 * time.Second, Deadline: 3 * time.Minute}

// Store implements objstore.Store around another. Make it with New.
type Store struct {
	inner  objstore.Store
	env    env.Env
	policy Policy
}

// New repeats what fails at inner, by policy.
func New(e env.Env, inner objstore.Store, policy Policy) *Store {
	return &Store{inner: inner, env: e, policy: policy}
}

var _ objstore.Store = (*Store)(nil)

// PutIfAbsent implements objstore.Store: one attempt, always.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return s.inner.PutIfAbsent(ctx, key, body)
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return again(ctx, s, func(ctx context.Context) (objstore.Meta, error) { return s.inner.Put(ctx, key, body...) })
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	return again(ctx, s, func(ctx context.Context) (objstore.Object, error) { return s.inner.GetRange(ctx, key, off, n) })
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	return again(ctx, s, func(ctx context.Context) (objstore.Meta, error) { return s.inner.Head(ctx, key) })
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	return again(ctx, s, func(ctx context.Context) (objstore.Page, error) {
		return s.inner.List(ctx, prefix, startAfter, limit)
	})
}

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	_, err := again(ctx, s, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.inner.Delete(ctx, keys...) })
	return err
}

// Info implements objstore.Store.
func (s *Store) Info() objstore.Info { return s.inner.Info() }

// again runs try until it succeeds or repeating it is of no use, and gives the last outcome.
func again[T any](ctx context.Context, s *Store, try func(context.Context) (T, error)) (T, error) {
	end := s.env.Now().Add(s.policy.Deadline)
	ctx, cancel := s.env.WithTimeout(ctx, s.policy.Deadline)
	defer cancel()
	longest := s.policy.FirstPause
	for attempt := 1; ; attempt++ {
		out, err := try(ctx)
		if err == nil || !mayPass(err) || ctx.Err() != nil || attempt >= s.policy.Attempts {
			return out, err
		}
		pause := s.draw(longest)
		if s.env.Now().Add(pause).After(end) {
			return out, err
		}
		s.env.Sleep(pause)
		if ctx.Err() != nil {
			return out, err
		}
		longest = min(2*longest, s.policy.MaxPause)
	}
}

// mayPass reports whether the same request may succeed later.
func mayPass(err error) bool {
	switch objstore.KindOf(err) {
	case objstore.Other, objstore.Throttled, objstore.Ambiguous:
		return true
	}
	return false
}

// draw spreads the pauses of many agents that failed together over [longest/2, longest].
func (s *Store) draw(longest time.Duration) time.Duration {
	half := longest / 2
	return half + time.Duration(s.env.Uint64()%uint64(half+1))
}
