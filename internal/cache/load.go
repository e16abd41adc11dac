package cache

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// load begins to read what is missing of a file; c.mu is held. Each span is held by its GET. It fails once the cache is
// stopped.
func (c *Cache) load(ref base.FileRef, slot base.Slot, missing []gap) error {
	f := c.files[ref]
	if f == nil {
		f = &file{ref: ref}
		c.files[ref] = f
	}
	for _, g := range missing {
		s := c.spanOf(f, g)
		s.listed, s.ready = true, env.NewFuture[struct{}](c.env)
		f.spans = slices.Insert(f.spans, f.at(g.from), s)
		c.used += s.cost()
		c.hold(s)
		read := func() { c.loadSpan(s) }
		if g.opened {
			read = func() { c.openSpan(s) }
		} else if slot > 0 {
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
	o, err := c.from.Store.GetRange(ctx, segment.Key(s.file.ref), s.from, n)
	c.stats.gets.Add(1)
	c.stats.getBytes.Add(int64(len(o.Body)))
	c.stats.getMicros.Add(c.env.Now().Sub(began).Microseconds())
	if objstore.Is(err, objstore.InvalidRange) {
		o.Body, err = nil, nil // the file ends before
	}
	if err != nil {
		err = s.failure(0, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded(s, o.Body, err)
}

// failure says what an error means to readers of s, whose file rides in that slot (0: none).
func (s *span) failure(slot base.Slot, err error) error {
	switch {
	case objstore.Is(err, objstore.NotFound):
		return &FileError{File: s.file.ref, Slot: slot, From: s.from, To: s.to, Missing: true, cause: base.Errorf(base.StorageError, "it is not in the bucket: %w", err)}
	case slot > 0 && base.KindOf(err) == base.CorruptMessage:
		return &FileError{File: s.file.ref, Slot: slot, From: s.from, To: s.to, cause: err}
	}
	return base.Errorf(base.NotLeaderOrFollower, "a data file cannot be read now: %w", err)
}

// loadEntry reads a journal entry for the spans that wait for what rides in it. The other files in it are taken along: who reads
// the one will mostly want them next.
func (c *Cache) loadEntry(slot base.Slot) {
	_ = c.entries.Acquire(1, time.Time{}) // without a deadline it cannot fail
	defer c.entries.Release(1)
	riders, err := c.readEntry(slot)
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.rides[slot]
	delete(c.rides, slot)
	for _, s := range waiting {
		body, err := s.in(slot, riders, err)
		c.stats.getBytes.Add(int64(len(body)))
		c.loaded(s, body, err)
	}
	for _, r := range riders {
		if c.files[r.Ref] == nil {
			c.put(r.Ref, bytes.Clone(r.Body))
		}
	}
}

func (c *Cache) readEntry(slot base.Slot) ([]log.Rider, error) {
	ctx, cancel := c.env.WithTimeout(c.ctx, getTimeout)
	defer cancel()
	began := c.env.Now()
	riders, err := c.from.Riders(ctx, slot)
	c.stats.gets.Add(1)
	c.stats.entries.Add(1)
	c.stats.getMicros.Add(c.env.Now().Sub(began).Microseconds())
	return riders, err
}

// in finds the bytes of a span of a file that rides in an entry with these riders, unless that could not be read. They are
// copied: the entry is not to be kept for them.
func (s *span) in(slot base.Slot, riders []log.Rider, err error) ([]byte, error) {
	if err != nil {
		return nil, s.failure(slot, err)
	}
	for _, r := range riders {
		if r.Ref == s.file.ref {
			n := int64(len(r.Body))
			return bytes.Clone(r.Body[min(s.from, n):min(s.to, n)]), nil
		}
	}
	return nil, &FileError{File: s.file.ref, Slot: slot, From: s.from, To: s.to, Missing: true, cause: base.Errorf(base.StorageError, "it does not ride there")}
}

// loaded ends the loading of s, of which the bucket has body; c.mu is held.
func (c *Cache) loaded(s *span, body []byte, err error) {
	s.data = body
	c.settle(s, int64(len(body)), err)
}

// settle ends the loading of s, of which n bytes are there; c.mu is held. Of a file that is cut short the span keeps what is
// there: each reader sees for itself whether that is enough.
func (c *Cache) settle(s *span, n int64, err error) {
	end := s.from + n
	lost, ok := errors.AsType[*FileError](err)
	switch {
	case ok:
		c.ails(s.file.ref, ailing{lost: lost})
	case err == nil && end < s.to:
		c.ails(s.file.ref, ailing{size: end})
		if end == s.from {
			c.remove(s)
		}
		c.shrink(s, end)
	}
	if err != nil {
		c.remove(s)
	}
	s.ready.Set(struct{}{}, err)
	c.letGo(s)
}

// shrink ends s, which is held, before its end; c.mu is held.
func (c *Cache) shrink(s *span, end int64) {
	before := s.cost()
	s.to = end
	c.used -= before - s.cost()
	c.held -= before - s.cost()
}
