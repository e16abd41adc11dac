package fsck

import (
	"context"
	"errors"

	"github.com/millrace-io/millrace/internal/objstore"
)

// final is the store as package journal gets it here. An agent waits for its store for as long as it takes, and so does that
// package; a check that cannot read the bucket has to say so. What fails at this store was tried often enough before.
type final struct{ objstore.Store }

// GetRange implements objstore.Store.
func (s final) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	o, err := s.Store.GetRange(ctx, key, off, n)
	return o, forGood(err)
}

// Head implements objstore.Store.
func (s final) Head(ctx context.Context, key string) (objstore.Meta, error) {
	m, err := s.Store.Head(ctx, key)
	return m, forGood(err)
}

// List implements objstore.Store.
func (s final) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	p, err := s.Store.List(ctx, prefix, startAfter, limit)
	return p, forGood(err)
}

// Delete implements objstore.Store.
func (s final) Delete(ctx context.Context, keys ...string) error {
	return forGood(s.Store.Delete(ctx, keys...))
}

// forGood makes an error that asks to try again one that does not.
func forGood(err error) error {
	e, ok := errors.AsType[*objstore.Error](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case objstore.Other, objstore.Throttled, objstore.Ambiguous:
		decided := *e
		decided.Kind = objstore.Fatal
		return &decided
	}
	return err
}
