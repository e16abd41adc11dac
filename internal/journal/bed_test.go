package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

var ctx = context.Background()

// testW is W in tests: virtual time, so its length costs nothing.
const testW = 2 * time.Minute

// hookedStore lets a test stand between caller and bucket: hook runs do, or not, now or later, and says how it ended.
type hookedStore struct {
	*memstore.Store
	hook func(op, key string, do func() error) error
}

func (s *hookedStore) call(op, key string, do func() error) error {
	if s.hook == nil {
		return do()
	}
	return s.hook(op, key, do)
}

func (s *hookedStore) PutIfAbsent(ctx context.Context, key string, body []byte) (m objstore.Meta, err error) {
	err = s.call("put", key, func() (err error) {
		m, err = s.Store.PutIfAbsent(context.WithoutCancel(ctx), key, body)
		return err
	})
	return m, err
}

func (s *hookedStore) GetRange(ctx context.Context, key string, off, n int64) (o objstore.Object, err error) {
	err = s.call("get", key, func() (err error) {
		o, err = s.Store.GetRange(ctx, key, off, n)
		return err
	})
	return o, err
}

func (s *hookedStore) Head(ctx context.Context, key string) (m objstore.Meta, err error) {
	err = s.call("head", key, func() (err error) {
		m, err = s.Store.Head(ctx, key)
		return err
	})
	return m, err
}

func (s *hookedStore) List(ctx context.Context, prefix, startAfter string, limit int) (p objstore.Page, err error) {
	err = s.call("list", prefix, func() (err error) {
		p, err = s.Store.List(ctx, prefix, startAfter, limit)
		return err
	})
	return p, err
}

func (s *hookedStore) Delete(ctx context.Context, keys ...string) error {
	return s.call("delete", strings.Join(keys, " "), func() error { return s.Store.Delete(context.WithoutCancel(ctx), keys...) })
}

// bed is a world with one bucket and one process.
type bed struct {
	*sim.Proc
	t     *testing.T
	w     *sim.World
	store *hookedStore
	c     Cluster
	calls []string // of the store since the last trace
}

// run runs f in a world. Failures inside are panics: a task of a world must not leave by t.FailNow.
func run(t *testing.T, f func(b *bed), options ...memstore.Option) {
	t.Helper()
	w := sim.NewWorld(1)
	start := time.Unix(1_700_000_000, 0)
	b := &bed{t: t, w: w}
	b.store = &hookedStore{Store: memstore.New(func() time.Time { return start.Add(w.Elapsed()) }, options...)}
	err := w.Run(func(p *sim.Proc) {
		b.Proc = p
		b.c = must(OpenCluster(ctx, p, b.store))
		f(b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (b *bed) want(ok bool, format string, args ...any) {
	if !ok {
		panic(fmt.Sprintf(format, args...))
	}
}

// trace notes every request from now on; hook may be nil.
func (b *bed) trace(hook func(op, key string, do func() error) error) {
	b.calls = nil
	b.store.hook = func(op, key string, do func() error) error {
		b.calls = append(b.calls, op+" "+strings.TrimLeft(strings.ReplaceAll(key, "0000000000000000", ""), "0"))
		if hook == nil {
			return do()
		}
		return hook(op, key, do)
	}
}

func (b *bed) open() *Log {
	l := Open(b.Proc, b.store, b.c, testW)
	must(l.Load(ctx, &memory{}))
	return l
}

func (b *bed) append(l *Log, payload string) Entry {
	e, status, err := l.Append(ctx, Draft{Payload: []byte(payload)})
	b.want(err == nil && status == Won, "append %q: %v, %v", payload, status, err)
	return e
}

// next expects the status, and for Believed the payload.
func (b *bed) next(l *Log, want Status, payload string) Entry {
	e, status, err := l.Next(ctx)
	b.want(err == nil && status == want && string(e.Payload) == payload, "next: %v %q, %v; want %v %q", status, e.Payload, err, want, payload)
	return e
}

// snapshot writes one of l's position with the given parts ("key=body", or "key" for unchanged).
func (b *bed) snapshot(l *Log, prior *Manifest, parts ...string) (Manifest, error) {
	slot, chain := l.Position()
	return l.Snapshots().Write(ctx, Point{Slot: slot, Chain: chain, Time: 7, Digest: 9}, prior, func(yield func(PartSource) bool) {
		for _, p := range parts {
			key, body, changed := strings.Cut(p, "=")
			if !yield(PartSource{Key: key, Body: []byte(body), Unchanged: !changed}) {
				return
			}
		}
	})
}

func (b *bed) truncate(l *Log) Truncated {
	return must(l.Snapshots().Truncate(ctx, keepNone, trustAll))
}

func (b *bed) wantTruncated(l *Log, want Truncated) {
	got := b.truncate(l)
	b.want(got == want, "truncated %+v, want %+v", got, want)
}

func trustAll(Manifest) error { return nil }

// keepNone lets go of all that a snapshot lets go.
const keepNone = base.Slot(1 << 62)

func (b *bed) keys(prefix string) (keys []string) {
	for _, o := range must(b.store.Store.List(ctx, prefix, "", 1000)).Entries {
		keys = append(keys, o.Key)
	}
	return keys
}

// corrupt flips a bit of a stored object.
func (b *bed) corrupt(key string) {
	o := must(b.store.Store.GetRange(ctx, key, 0, -1))
	o.Body[len(o.Body)/2] ^= 1
	must(b.store.Store.Put(ctx, key, o.Body))
}

// rawEntry puts an entry that no Log would write.
func (b *bed) rawEntry(slot base.Slot, prev [32]byte, payload string) []byte {
	object := must(EncodeEntry(Header{Slot: slot, Prev: prev}, []byte(payload)))
	must(b.store.Store.PutIfAbsent(ctx, EntryKey(slot), object))
	return object
}

func ambiguous(key string) error {
	return &objstore.Error{Kind: objstore.Ambiguous, Op: "put", Key: key, Cause: errors.New("the answer was lost")}
}

// memory is a Restorer that keeps what it gets.
type memory struct {
	m     Manifest
	parts []string
}

func (r *memory) Begin(m Manifest) error { r.m, r.parts = m, nil; return nil }

func (r *memory) Part(key string, body []byte) error {
	r.parts = append(r.parts, key+"="+string(body))
	return nil
}

func (r *memory) has(parts ...string) bool { return slices.Equal(r.parts, parts) }
