package journal

import (
	"context"
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

const (
	backoffFirst = 20 * time.Millisecond
	backoffMax   = 2 * time.Second
	listPage     = 1000
	// requestTimeout ends one request of the store: its outcome is then looked up, or it is made again. Far above what
	// 16 MiB take on a slow link's good day, so that a slow link is not cut off for ever.
	requestTimeout = 30 * time.Second
)

// bucket is the store as this room uses it: every Date is noted, and what a store asks to try again is tried again
// until ctx ends. Safe for concurrent use.
type bucket struct {
	env   env.Env
	store objstore.Store
	clock *bucketClock
}

func newBucket(e env.Env, store objstore.Store) *bucket {
	return &bucket{env: e, store: store, clock: &bucketClock{env: e}}
}

// backoff doubles from backoffFirst to backoffMax; half of each wait is random, so that agents do not come back in step.
type backoff struct{ next time.Duration }

// wait sleeps, and reports false when ctx has ended.
func (o *backoff) wait(ctx context.Context, e env.Env) bool {
	o.next = min(max(2*o.next, backoffFirst), backoffMax)
	half := o.next / 2
	if ctx.Err() == nil {
		e.Sleep(half + time.Duration(e.Uint64()%uint64(half)))
	}
	return ctx.Err() == nil
}

func dateOf(err error) time.Time {
	var e *objstore.Error
	if errors.As(err, &e) {
		return e.Date
	}
	return time.Time{}
}

// final reports whether trying again cannot help.
func final(err error) bool {
	switch objstore.KindOf(err) {
	case objstore.NotFound, objstore.Exists, objstore.InvalidRange, objstore.Fatal:
		return true
	}
	return false
}

// try makes one request, and notes the Date of its answer.
func (b *bucket) try(ctx context.Context, op func(context.Context) (objstore.Meta, error)) error {
	ctx, cancel := b.env.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m, err := op(ctx)
	if err != nil {
		m.Date = dateOf(err)
	}
	b.clock.observe(m.Date)
	return err
}

// retry calls op until it succeeds, fails for good, or ctx ends. op may be repeated harmlessly.
func (b *bucket) retry(ctx context.Context, op func(context.Context) (objstore.Meta, error)) error {
	for pause := (backoff{}); ; {
		err := b.try(ctx, op)
		if err == nil || final(err) {
			return err
		}
		if !pause.wait(ctx, b.env) {
			return ctx.Err()
		}
	}
}

// get reads at most limit+1 bytes of an object, so that one past the limit is seen to be too long. An empty object has
// no bytes, whatever the store says of its range.
func (b *bucket) get(ctx context.Context, key string, limit int) (o objstore.Object, err error) {
	err = b.retry(ctx, func(ctx context.Context) (objstore.Meta, error) {
		var err error
		o, err = b.store.GetRange(ctx, key, 0, int64(limit)+1)
		return o.Meta, err
	})
	if objstore.Is(err, objstore.InvalidRange) {
		return objstore.Object{Meta: objstore.Meta{Date: dateOf(err)}}, nil
	}
	return o, err
}

// each lists keys with prefix after startAfter to the last page, and hands page by page to f.
func (b *bucket) each(ctx context.Context, prefix, startAfter string, f func([]objstore.ListEntry) error) error {
	for {
		var p objstore.Page
		err := b.retry(ctx, func(ctx context.Context) (objstore.Meta, error) {
			var err error
			p, err = b.store.List(ctx, prefix, startAfter, listPage)
			return objstore.Meta{Date: p.Date}, err
		})
		if err != nil {
			return err
		}
		if len(p.Entries) > 0 {
			startAfter = p.Entries[len(p.Entries)-1].Key
			if err := f(p.Entries); err != nil {
				return err
			}
		}
		if !p.More || len(p.Entries) == 0 {
			return nil
		}
	}
}

// putOnce creates an object whose name no other bytes can have: if it is there, an earlier try succeeded.
func (b *bucket) putOnce(ctx context.Context, key string, body []byte) error {
	err := b.retry(ctx, func(ctx context.Context) (objstore.Meta, error) { return b.store.PutIfAbsent(ctx, key, body) })
	if objstore.Is(err, objstore.Exists) {
		return nil
	}
	return err
}

func (b *bucket) delete(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return b.retry(ctx, func(ctx context.Context) (objstore.Meta, error) { return objstore.Meta{}, b.store.Delete(ctx, keys...) })
}

func (b *bucket) random16() (id [16]byte) {
	for i := 0; i < 16; i += 8 {
		for v, j := b.env.Uint64(), 0; j < 8; j++ {
			id[i+j] = byte(v >> (8 * j))
		}
	}
	return id
}

// failed says what failed in the bucket, and where.
func failed(doing string, err error) error {
	return base.Errorf(base.StorageError, "journal: %s: %w", doing, err)
}
