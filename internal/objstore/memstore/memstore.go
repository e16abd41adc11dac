package memstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/objstore"
)

// Store implements objstore.Store. Make it with New.
type Store struct {
	clock  func() time.Time
	steady bool
	url    string

	mu      sync.RWMutex
	objects btree.Map[string, object]
}

// object is immutable once stored, body included.
type object struct {
	body     []byte
	modified time.Time
}

// Option changes what New makes.
type Option func(*Store)

// UnsteadyClock makes Info say that the clock may step back.
func UnsteadyClock() Option { return func(s *Store) { s.steady = false } }

// Named sets the URL that Info tells to mem://name.
func Named(name string) Option { return func(s *Store) { s.url = "mem://" + name } }

// New makes an empty store. clock gives Date and LastModified; it is said to be steady unless an option says otherwise.
func New(clock func() time.Time, options ...Option) *Store {
	s := &Store{clock: clock, steady: true, url: "mem://"}
	for _, option := range options {
		option(s)
	}
	return s
}

var _ objstore.Store = (*Store)(nil)

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return s.put(ctx, "put-if-absent", key, bytes.Clone(body), false)
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return s.put(ctx, "put", key, slices.Concat(body...), true)
}

func (s *Store) put(ctx context.Context, op, key string, stored []byte, overwrite bool) (objstore.Meta, error) {
	if err := s.begin(ctx, op, key); err != nil {
		return objstore.Meta{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if _, there := s.objects.Get(key); there && !overwrite {
		return objstore.Meta{}, &objstore.Error{Kind: objstore.Exists, Op: op, Key: key, Date: now, Cause: errors.New("the key is taken")}
	}
	s.objects.Set(key, object{body: stored, modified: now})
	return objstore.Meta{SizeBytes: int64(len(stored)), Date: now}, nil
}

// GetRange implements objstore.Store. The body is the caller's own.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	o, meta, err := s.find(ctx, "get", key)
	if err != nil {
		return objstore.Object{}, err
	}
	from, to, err := objstore.CutRange(meta.SizeBytes, off, n)
	if err != nil {
		return objstore.Object{}, &objstore.Error{Kind: objstore.InvalidRange, Op: "get", Key: key, Date: meta.Date, Cause: err}
	}
	return objstore.Object{Meta: meta, Body: append([]byte{}, o.body[from:to]...)}, nil
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	_, meta, err := s.find(ctx, "head", key)
	return meta, err
}

func (s *Store) find(ctx context.Context, op, key string) (object, objstore.Meta, error) {
	if err := s.begin(ctx, op, key); err != nil {
		return object{}, objstore.Meta{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.clock()
	o, there := s.objects.Get(key)
	if !there {
		return object{}, objstore.Meta{}, &objstore.Error{Kind: objstore.NotFound, Op: op, Key: key, Date: now, Cause: errors.New("no such object")}
	}
	return o, objstore.Meta{SizeBytes: int64(len(o.body)), LastModified: o.modified, Date: now}, nil
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	if err := s.beginWith(ctx, "list", prefix, objstore.CheckPrefix(prefix)); err != nil {
		return objstore.Page{}, err
	}
	limit = objstore.ClampLimit(limit)
	s.mu.RLock()
	defer s.mu.RUnlock()
	page := objstore.Page{Date: s.clock()}
	s.objects.Ascend(max(prefix, startAfter), func(key string, o object) bool {
		if key == startAfter {
			return true
		}
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		if len(page.Entries) == limit {
			page.More = true
			return false
		}
		page.Entries = append(page.Entries, objstore.ListEntry{Key: key, SizeBytes: int64(len(o.body)), LastModified: o.modified})
		return true
	})
	return page, nil
}

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := s.begin(ctx, "delete", key); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.objects.Delete(key)
	}
	return nil
}

// Info implements objstore.Store.
func (s *Store) Info() objstore.Info {
	return objstore.Info{URL: s.url, SteadyClock: s.steady}
}

// begin refuses a bad key and a cancelled ctx, as a driver that does real work would.
func (s *Store) begin(ctx context.Context, op, key string) error {
	return s.beginWith(ctx, op, key, objstore.CheckKey(key))
}

func (s *Store) beginWith(ctx context.Context, op, key string, keyErr error) error {
	if keyErr != nil {
		return &objstore.Error{Kind: objstore.Fatal, Op: op, Key: key, Cause: keyErr}
	}
	if err := ctx.Err(); err != nil {
		return &objstore.Error{Kind: objstore.Other, Op: op, Key: key, Cause: err}
	}
	return nil
}
