package latency

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Store implements objstore.Store around another. Make it with New.
type Store struct {
	inner   objstore.Store
	env     env.Env
	profile Profile
}

// New has inner answer as slowly as p says.
func New(e env.Env, inner objstore.Store, p Profile) *Store {
	return &Store{inner: inner, env: e, profile: p}
}

var _ objstore.Store = (*Store)(nil)

// draw gives how long a request takes that lies in s.
func (s *Store) draw(in Spread) time.Duration {
	const bits = 53 // of a float64
	d := in.At((float64(s.env.Uint64()>>(64-bits)) + 0.5) / (1 << bits))
	if s.env.Uint64()%stallOneIn == 0 {
		d += stallFor
	}
	return d
}

// lookEvery is how soon a wait notices that its caller has given up.
const lookEvery = 20 * time.Millisecond

// wait waits until end, or for ctx. The error is that of a request whose answer did not come in time.
func (s *Store) wait(ctx context.Context, op, key string, end time.Time, givenUp objstore.ErrorKind) error {
	for left := end.Sub(s.env.Now()); left > 0; left = end.Sub(s.env.Now()) {
		s.env.Sleep(min(left, lookEvery))
		if err := ctx.Err(); err != nil {
			return &objstore.Error{Kind: givenUp, Op: op, Key: key, Cause: fmt.Errorf("no answer from a bucket with artificial latency: %w", err)}
		}
	}
	return nil
}

// before waits for a write, of which nothing is known if it is given up.
func (s *Store) before(ctx context.Context, op, key string, in Spread) error {
	if ctx.Err() != nil {
		return nil // the store behind refuses it
	}
	return s.wait(ctx, op, key, s.env.Now().Add(s.draw(in)), objstore.Ambiguous)
}

// PutIfAbsent implements objstore.Store. A refusal takes as long as a success.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	if err := s.before(ctx, "put-if-absent", key, s.profile.Put(len(body))); err != nil {
		return objstore.Meta{}, err
	}
	return s.inner.PutIfAbsent(ctx, key, body)
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	if err := s.before(ctx, "put", key, s.profile.Put(objstore.SizeOf(body))); err != nil {
		return objstore.Meta{}, err
	}
	return s.inner.Put(ctx, key, body...)
}

// deleteKeys is how many keys one request deletes, as on S3.
const deleteKeys = 1000

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	for at := 0; at < len(keys); at += deleteKeys {
		if err := s.before(ctx, "delete", keys[at], s.profile.Delete); err != nil {
			return err
		}
	}
	return s.inner.Delete(ctx, keys...)
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	start := s.env.Now()
	o, err := s.inner.GetRange(ctx, key, off, n)
	if isRefused(err) {
		return o, err
	}
	body := time.Duration(float64(len(o.Body)) / s.profile.GetBytesPerSec * float64(time.Second))
	if late := s.wait(ctx, "get", key, start.Add(s.draw(s.profile.Get)+body), objstore.Other); late != nil {
		return objstore.Object{}, late
	}
	return o, err
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	start := s.env.Now()
	meta, err := s.inner.Head(ctx, key)
	if isRefused(err) {
		return meta, err
	}
	if late := s.wait(ctx, "head", key, start.Add(s.draw(s.profile.Head)), objstore.Other); late != nil {
		return objstore.Meta{}, late
	}
	return meta, err
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	start := s.env.Now()
	page, err := s.inner.List(ctx, prefix, startAfter, limit)
	if isRefused(err) {
		return page, err
	}
	if late := s.wait(ctx, "list", prefix, start.Add(s.draw(s.profile.List)), objstore.Other); late != nil {
		return objstore.Page{}, late
	}
	return page, err
}

// isRefused tells a request that never left from one that the store answered.
func isRefused(err error) bool {
	return objstore.Is(err, objstore.Fatal) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Info implements objstore.Store. The clock is steady: see the package's comment. Nor is it one disk that is slow.
func (s *Store) Info() objstore.Info {
	info := s.inner.Info()
	joint := "?"
	if strings.Contains(info.URL, "?") {
		joint = "&"
	}
	info.URL += joint + "latency=" + s.profile.Name
	info.Latency, info.SteadyClock, info.OneDisk = s.profile.Name, true, false
	return info
}
