package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// Bucket is the one bucket of a world, in memory. A request is done at one moment of its way there and back, which is
// the bucket's own affair: the sender may be paused, dead or have given up by then.
type Bucket struct {
	w      *sim.World
	proc   *sim.Proc // does what is on its way
	mem    *memstore.Store
	marks  Marks
	faults Faults

	folder    bool
	calm      bool
	storm     status
	stormEnds time.Duration            // by World.Elapsed
	outages   map[string]time.Duration // until when a process cannot reach the bucket
	distance  map[string]time.Duration // how many times farther a process is from the bucket than others; 0 is 1
	perKiB    time.Duration            // that bytes take on their way; 0: none
	deleted   map[string]bool
	lastDate  time.Time
	snapshot  time.Duration // when the last one was made
	Requests  int

	// onLanding, if set, is told which process's write of which key has just been done.
	onLanding func(p *sim.Proc, key string)
}

// NewBucket makes an empty bucket. An unsteady one says that its clock may step back (and lets it), so that rule R has to do
// without anchors. One that is a folder opens its objects as files, and looks at no body after a write was answered for; any other
// looks at it when it is done, which may be later.
func NewBucket(w *sim.World, marks Marks, faults Faults, unsteady, folder bool) *Bucket {
	b := &Bucket{w: w, proc: w.Proc("bucket"), marks: marks, faults: faults, folder: folder, outages: map[string]time.Duration{}, distance: map[string]time.Duration{}, deleted: map[string]bool{}}
	options := []memstore.Option{memstore.Named("sim")}
	if unsteady {
		options = append(options, memstore.UnsteadyClock())
	}
	b.mem = memstore.New(b.date, options...)
	return b
}

// bucketEpoch is the true time when a world begins.
var bucketEpoch = time.Unix(1_700_000_000, 0)

// now is the true time.
func (b *Bucket) now() time.Time { return bucketEpoch.Add(b.w.Elapsed()) }

// date is the bucket's clock: whole seconds, from front ends that are up to a second apart.
func (b *Bucket) date() time.Time {
	d := b.now().Add(b.w.Between(0, time.Second)).Truncate(time.Second)
	if d.Before(b.lastDate) {
		b.marks.Hit(BucketClockBack)
	}
	b.lastDate = d
	return d
}

// Calm ends all faults: from now on the bucket works. What is late still lands.
func (b *Bucket) Calm() { b.calm = true }

// Storm has most requests answered by a status for d.
func (b *Bucket) Storm(s status, d time.Duration) {
	b.marks.Hit(stormMarks[s])
	b.w.Logf("bucket: storm of %d for %v", s, d)
	b.storm, b.stormEnds = s, b.w.Elapsed()+d
}

// Unreachable cuts the process of that name off for d.
func (b *Bucket) Unreachable(name string, d time.Duration) {
	b.marks.Hit(BucketUnreachable)
	b.w.Logf("bucket: unreachable for %s for %v", name, d)
	b.outages[name] = b.w.Elapsed() + d
}

// For gives the bucket as process p reaches it.
func (b *Bucket) For(p *sim.Proc) objstore.Store {
	c := &client{b: b, p: p}
	if b.folder {
		return &folder{c}
	}
	return c
}

// client is one process's way to the bucket.
type client struct {
	b *Bucket
	p *sim.Proc
}

var _ objstore.Store = (*client)(nil)

// flight is one request under way.
type flight[T any] struct {
	mu    sync.Mutex
	cond  env.Cond
	done  bool
	value T
	err   error
}

// waitMax ends a request whose caller set no deadline, as a driver's own time-out does.
const waitMax = 45 * time.Second

// call sends a request and waits for its answer, or for the caller's deadline.
func call[T any](ctx context.Context, c *client, op, key string, work func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, &objstore.Error{Kind: objstore.Other, Op: op, Key: key, Cause: err}
	}
	if c.p.Killed() {
		return none, failure(objstore.Other, op, key, "the process is dead")
	}
	b, f := c.b, &flight[T]{}
	f.cond = c.p.NewCond(&f.mu)
	lot := b.draw(c.p, op)
	if lot.mark != "" {
		b.marks.Hit(lot.mark)
	}
	b.proc.Go(op, func() { fly(c, f, lot, op, key, work) })

	deadline := c.p.Now().Add(waitMax)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.done {
		if !f.cond.Wait(deadline) && !f.done {
			b.w.Logf("bucket: %s %s of %s: no answer in time", op, key, c.p.Name())
			return none, failure(status(0).kindOf(op), op, key, "no answer in time")
		}
	}
	return f.value, f.err
}

// fly carries a request there and its answer back, in the bucket's own process.
func fly[T any](c *client, f *flight[T], lot fate, op, key string, work func() (T, error)) {
	b := c.b
	b.proc.Sleep(lot.there)
	var value T
	var err error
	if lot.does {
		value, err = land(c, op, key, work, false)
	}
	landed := b.w.Elapsed()
	if lot.late > 0 {
		b.proc.Go("late "+op, func() {
			b.proc.Sleep(lot.late)
			_, _ = land(c, op, key, work, true)
		})
	}
	if lot.says {
		var none T
		value, err = none, failure(lot.kind, op, key, string(lot.mark))
		if lot.status != 0 {
			err.(*objstore.Error).Date = b.date()
		}
	}
	b.proc.Sleep(lot.back)
	if op == opList && key == snapshots && b.snapshot > landed {
		b.marks.Hit(BucketListMissed)
	}
	b.w.Logf("bucket: %s %s of %s: %s", op, key, c.p.Name(), outcome(err))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done, f.value, f.err = true, value, err
	f.cond.Broadcast()
}

// land does the work, all at once.
func land[T any](c *client, op, key string, work func() (T, error), late bool) (T, error) {
	b := c.b
	value, err := work()
	create := op == opCreate
	switch {
	case late && create && err == nil:
		b.marks.Hit(BucketLateCreated)
	case late && create && objstore.Is(err, objstore.Exists):
		b.marks.Hit(BucketLateRefused)
	}
	if create && err == nil && b.deleted[key] {
		b.marks.Hit(BucketRecreated)
	}
	if late {
		b.w.Logf("bucket: late %s %s of %s: %s", op, key, c.p.Name(), outcome(err))
	}
	if strings.HasPrefix(op, "put") && err == nil {
		if strings.HasPrefix(key, snapshots) {
			b.snapshot = b.w.Elapsed()
		}
		if b.onLanding != nil {
			b.onLanding(c.p, key)
		}
	}
	return value, err
}

// snapshots is where the journal keeps them.
const snapshots = "snapshot/"

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return objstore.KindOf(err).String()
}

func failure(kind objstore.ErrorKind, op, key, why string) error {
	return &objstore.Error{Kind: kind, Op: op, Key: key, Cause: errors.New(why)}
}

// ctx is what the memory store is called with: it never waits.
var ctx = context.Background()

// carry is the time that bytes take on the way, where scripts want that they do.
func (c *client) carry(bytes int) {
	if c.b.perKiB > 0 {
		c.p.Sleep(time.Duration(bytes) * c.b.perKiB >> 10)
	}
}

func (c *client) PutIfAbsent(outer context.Context, key string, body []byte) (objstore.Meta, error) {
	c.carry(len(body))
	return call(outer, c, opCreate, key, func() (objstore.Meta, error) { return c.b.mem.PutIfAbsent(ctx, key, body) })
}

func (c *client) Put(outer context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	if len(body) > 1 {
		c.b.marks.Hit(BucketParts)
	}
	c.carry(objstore.SizeOf(body))
	// What is done later than the answer a folder does with what it has seen by then.
	defer func() {
		if c.b.folder {
			body = [][]byte{slices.Concat(body...)}
		}
	}()
	return call(outer, c, opPut, key, func() (objstore.Meta, error) { return c.b.mem.Put(ctx, key, body...) })
}

func (c *client) GetRange(outer context.Context, key string, off, n int64) (objstore.Object, error) {
	o, err := call(outer, c, opGet, key, func() (objstore.Object, error) { return c.b.mem.GetRange(ctx, key, off, n) })
	c.carry(len(o.Body))
	if c.b.folder && err == nil && objstore.IsLending(outer) {
		o.Body = bytes.Clone(o.Body)
		o.Free = func() { spoil(o.Body) }
	}
	return o, err
}

// spoil does to released memory what another read would.
func spoil(body []byte) {
	for i := range body {
		body[i] = 0xa5
	}
}

func (c *client) Head(outer context.Context, key string) (objstore.Meta, error) {
	return call(outer, c, opHead, key, func() (objstore.Meta, error) { return c.b.mem.Head(ctx, key) })
}

func (c *client) List(outer context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	return call(outer, c, opList, prefix, func() (objstore.Page, error) {
		if !c.b.calm && c.b.chance(c.b.faults.ShortPage) {
			limit = min(limit, 1+int(c.b.w.Uint64()%5))
		}
		p, err := c.b.mem.List(ctx, prefix, startAfter, limit)
		if p.More {
			c.b.marks.Hit(BucketShortPage)
		}
		return p, err
	})
}

func (c *client) Delete(outer context.Context, keys ...string) error {
	keys = slices.Clone(keys)
	_, err := call(outer, c, opDelete, fmt.Sprintf("%s and %d more", keys[0], len(keys)-1), func() (struct{}, error) {
		for _, key := range keys {
			c.b.deleted[key] = true
		}
		return struct{}{}, c.b.mem.Delete(ctx, keys...)
	})
	return err
}

func (c *client) Info() objstore.Info {
	info := c.b.mem.Info()
	info.OneDisk, info.BodyFree = c.b.folder, c.b.folder
	return info
}
