package cache

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

var (
	// ErrNoRoom: everything in memory is being written to clients.
	ErrNoRoom error = base.Errorf(base.RequestTimedOut, "the cache is full of records that are being sent: clients read slowly, or --memory is small")
	// ErrGone: the bucket has no such file.
	ErrGone error = base.Errorf(base.StorageError, "the data file is not in the bucket")
)

// Extent says where batches lie side by side, and their offsets.
type Extent struct {
	File      base.FileRef
	FileBytes int64     // size of the whole file
	Slot      base.Slot // the file rides in that journal entry; 0: it is an object of its own
	Pos, Len  uint32
	Base      int64 // offset of the first record
	Count     uint32
}

// Read is a wish for the batches of an extent from Offset on: for about Bytes bytes, and in any case for the extent's
// first Need.
type Read struct {
	Extent
	Offset int64 // Base to Base+Count-1
	Bytes  int
	Need   uint32
}

// window says which bytes of the extent are to be looked at. Where the batch of Offset begins is known if the index
// reaches so far; if not, all from the index's end on is needed, and how much that is can only be guessed.
func (r *Read) window(f *file) (from, to int64) {
	var m marks
	if f != nil {
		if x := f.indexes[r.Pos]; x != nil && x.base == r.Base {
			m = *x.marks.Load()
		}
	}
	delta := uint32(r.Offset - r.Base)
	begin, guess := m.end(), int64(0)
	if delta < begin.delta {
		begin = m[m.find(delta)]
		guess = int64(begin.pos)
	} else if r.Count > begin.delta && begin.pos < r.Len {
		guess = int64(begin.pos) + int64(float64(r.Len-begin.pos)*float64(delta-begin.delta)/float64(r.Count-begin.delta))
	}
	to = min(max(guess+int64(max(r.Bytes, 1)), int64(r.Need)), int64(r.Len))
	return int64(r.Pos) + int64(begin.pos), int64(r.Pos) + to
}

// Open holds the bytes of r, which it has loaded if need be. Only a caller that holds no other View may have wait set:
// it waits for room in memory, others fail with ErrNoRoom. The other errors are ErrGone, base.CorruptMessage for a file
// that is cut short, and the store's. What it returns must be released.
func (c *Cache) Open(r Read, wait bool, deadline time.Time) (View, error) {
	v, loading, err := c.open(r, wait, deadline)
	if err != nil {
		return View{}, err
	}
	if !loading {
		return v, nil
	}
	for i := range 1 + len(v.rest) {
		s := v.span(i)
		if s.ready == nil {
			continue
		}
		if _, err := s.ready.Wait(deadline); err != nil {
			v.Release()
			return View{}, err
		}
	}
	return v, nil
}

// open holds what there is of r, and has loaded what is missing; loading tells whether it has to be awaited.
func (c *Cache) open(r Read, wait bool, deadline time.Time) (v View, loading bool, err error) {
	if int64(r.Pos)+int64(r.Len) > r.FileBytes || r.Offset < r.Base || r.Offset >= r.Base+int64(r.Count) {
		return v, false, base.Errorf(base.CorruptMessage, "data file %s of %d bytes: no record %d in %d bytes at %d", r.File.ID, r.FileBytes, r.Offset, r.Len, r.Pos)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fill(&r, wait, deadline); err != nil {
		return v, false, err
	}
	f := c.files[r.File]
	from, to := r.window(f)
	v = View{c: c, x: r.Extent, from: from - int64(r.Pos), to: to - int64(r.Pos)}
	v.index = f.index(&v.x)
	for _, s := range f.spans[f.at(from):] {
		if s.from >= to {
			break
		}
		c.hold(s)
		v.add(s)
		loading = loading || s.data == nil
	}
	return v, loading, nil
}

// fill has what is missing of r's window loaded; c.mu is held, but let go of while there is no room.
func (c *Cache) fill(r *Read, wait bool, deadline time.Time) error {
	for {
		f := c.files[r.File]
		from, to := r.window(f)
		missing := f.gaps(from, to, r.FileBytes)
		if len(missing) == 0 {
			return nil
		}
		// Room is made at the cost of what was used least, so not of the other parts of this range.
		f.use(c, from, to)
		if err := c.awaitRoom(cost(missing), wait, deadline); err != nil {
			return err
		}
		f = c.files[r.File]
		from, to = r.window(f)
		if slices.Equal(f.gaps(from, to, r.FileBytes), missing) {
			c.stats.misses.Add(1)
			return c.load(r.File, r.Slot, missing)
		}
	}
}

func cost(missing []gap) (n int64) {
	for _, g := range missing {
		n += (&span{from: g.from, to: g.to}).cost()
	}
	return n
}

// use makes the spans of a range the most recently used. f may be nil.
func (f *file) use(c *Cache, from, to int64) {
	if f == nil {
		return
	}
	for _, s := range f.spans[f.at(from):] {
		if s.from < to && s.holders == 0 {
			c.touch(s)
		}
	}
}

// load begins to read what is missing of a file; c.mu is held. Each span is held by its GET. It fails once the cache is
// stopped.
func (c *Cache) load(ref base.FileRef, slot base.Slot, missing []gap) error {
	f := c.files[ref]
	if f == nil {
		f = &file{ref: ref}
		c.files[ref] = f
	}
	for _, g := range missing {
		s := &span{file: f, from: g.from, to: g.to, listed: true, ready: env.NewFuture[struct{}](c.env)}
		f.spans = slices.Insert(f.spans, f.at(g.from), s)
		c.used += s.cost()
		c.hold(s)
		read := func() { c.loadSpan(s) }
		if slot > 0 {
			c.rides[slot] = append(c.rides[slot], s)
			if len(c.rides[slot]) > 1 {
				continue // one GET serves all that ride in the entry
			}
			read = func() { c.loadEntry(slot) }
		}
		if !c.stop.Go("cache load", read) {
			delete(c.rides, slot)
			c.loaded(s, nil, env.ErrClosed)
			return env.ErrClosed
		}
	}
	return nil
}

func (c *Cache) loadSpan(s *span) {
	ctx, cancel := c.env.WithTimeout(c.ctx, getTimeout)
	defer cancel()
	n := s.to - s.from
	began := c.env.Now()
	o, err := c.store.GetRange(ctx, segment.Key(s.file.ref), s.from, n)
	c.stats.gets.Add(1)
	c.stats.getBytes.Add(int64(len(o.Body)))
	c.stats.getMicros.Add(c.env.Now().Sub(began).Microseconds())
	if err = failure(err); err == nil && int64(len(o.Body)) != n {
		err = base.Errorf(base.CorruptMessage, "data file %s: %d bytes at %d, not %d", segment.Key(s.file.ref), len(o.Body), s.from, n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded(s, o.Body, err)
}

// failure says what an error of the store means to readers.
func failure(err error) error {
	switch {
	case err == nil || base.KindOf(err) == base.CorruptMessage:
		return err
	case objstore.Is(err, objstore.NotFound):
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return base.Errorf(base.NotLeaderOrFollower, "a data file cannot be read now: %w", err)
}

// loadEntry reads a journal entry for the spans that wait for what rides in it. The other files in it are taken along: who
// reads the one will mostly want them next.
func (c *Cache) loadEntry(slot base.Slot) {
	_ = c.entries.Acquire(1, time.Time{}) // without a deadline it cannot fail
	defer c.entries.Release(1)
	ctx, cancel := c.env.WithTimeout(c.ctx, getTimeout)
	defer cancel()
	began := c.env.Now()
	riders, err := c.riders(ctx, slot)
	c.stats.gets.Add(1)
	c.stats.entries.Add(1)
	c.stats.getMicros.Add(c.env.Now().Sub(began).Microseconds())
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.rides[slot]
	delete(c.rides, slot)
	for _, s := range waiting {
		body, err := s.in(riders, err)
		c.stats.getBytes.Add(int64(len(body)))
		c.loaded(s, body, err)
	}
	for _, r := range riders {
		if c.files[r.Ref] == nil {
			c.put(r.Ref, bytes.Clone(r.Body))
		}
	}
}

// in finds the bytes of a span of a file that rides in an entry with these riders, unless that could not be read. They are
// copied: the entry is not to be kept for them.
func (s *span) in(riders []log.Rider, err error) ([]byte, error) {
	if err != nil {
		return nil, failure(err)
	}
	for _, r := range riders {
		if r.Ref != s.file.ref {
			continue
		}
		if s.to > int64(len(r.Body)) {
			return nil, base.Errorf(base.CorruptMessage, "data file %s, which rides in the journal, has %d bytes, not %d or more", s.file.ref.ID, len(r.Body), s.to)
		}
		return bytes.Clone(r.Body[s.from:s.to]), nil
	}
	return nil, fmt.Errorf("%w: it rides no more", ErrGone)
}

// loaded ends the loading of s; c.mu is held.
func (c *Cache) loaded(s *span, body []byte, err error) {
	if err != nil {
		c.remove(s)
	} else {
		s.data = body
	}
	s.ready.Set(struct{}{}, err)
	c.letGo(s)
}
