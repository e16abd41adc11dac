package cache

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/segment"
)

// A file of a bucket that is a folder is not kept in memory: it is held open, as one span, and the kernel, which keeps in
// memory what is read of it, sends its bytes to clients. What has to be looked at is read for that moment. (Mapping files instead was
// measured: mapping and unmapping cost more than the copies.)
const (
	// OpenMax bounds the files that are open, where Source does not say less: each counts the budget's so many-th part, or
	// openCostMin if that is more.
	OpenMax     = 1024
	openCostMin = 64 << 10
	// openIdle is how long a file is held open that nobody reads: the space of one that was deleted comes back when it is closed. Files
	// that nothing refers to any more are deleted log.ReleasedFor later at the earliest, so they are closed by then.
	openIdle = 5 * time.Minute
	// idleRounds is how often in that time it is looked for them: they are closed within one more of these.
	idleRounds = 4
	// aheadBytes is what is read at once where batches are looked at one after the other: it stays in a core's own cache.
	aheadBytes = 256 << 10
	// aheadKept is the largest buffer for it that is kept.
	aheadKept = 1 << 20
)

// openCost is what an open file counts against the budget. The index of its batches comes on top of that as it grows, and what is
// read to look at them while that lasts: answers hold many files at a time, so that a guess on the safe side would have them wait.
func (c *Cache) openCost() int64 { return max(openCostMin, c.size/int64(c.from.OpenMax)) }

// markBytes is what a batch takes in an index.
const markBytes = 8

// charge counts n more bytes of memory for the open file of v; fewer if n is negative.
func (v *View) charge(n int) {
	if v.first.open == nil || n == 0 {
		return
	}
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	v.c.charge(v.first, n)
}

// charge counts n more bytes for a file that is open, or is being opened, and held; c.mu is held.
func (c *Cache) charge(s *span, n int) {
	if s.openCost == 0 {
		return
	}
	s.openCost += int64(n)
	c.used += int64(n)
	c.held += int64(n)
	c.makeRoom(0)
	if n < 0 && c.want > 0 {
		c.room.Broadcast()
	}
}

// OpensFiles reports whether files are opened instead of being read into memory: all but those that ride.
func (c *Cache) OpensFiles() bool { return c.from.Opener != nil }

// gaps gives what is to be loaded of [from, to) of a file of size bytes that rides in slot, or is an object (0): all of a file that
// is to be opened. f may be nil.
func (c *Cache) gaps(f *file, slot base.Slot, from, to, size int64) []gap {
	if c.from.Opener != nil && slot == 0 && (f == nil || len(f.spans) == 0) && from < min(to, size) {
		return []gap{{to: size, opened: true}}
	}
	return f.gaps(from, to, size)
}

// openSpan opens the file of a span.
func (c *Cache) openSpan(s *span) {
	ctx, cancel := c.env.WithTimeout(c.ctx, getTimeout)
	defer cancel()
	f, meta, err := c.from.Opener.Open(ctx, segment.Key(s.file.ref))
	c.stats.gets.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.settle(s, 0, s.failure(0, err))
		return
	}
	s.open = f
	c.settle(s, min(meta.SizeBytes, s.to), nil)
}

// closeIdle closes files that nobody has read for a while, for as long as the cache runs.
func (c *Cache) closeIdle() {
	for c.stop.Sleep(openIdle / idleRounds) {
		c.closeUnread()
	}
}

// closeUnread closes what nobody has read in the last rounds: they are counted, as a file is let go of for each of its extents, and looking
// at the clock takes as long as the rest of that.
func (c *Cache) closeUnread() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round++
	for s := c.lru.prev; s != &c.lru; {
		newer := s.prev
		if s.open != nil && s.used < c.round-idleRounds {
			c.remove(s)
		}
		s = newer
	}
}

// close lets an open file go that nobody holds; c.mu is held.
func (s *span) close() {
	if s.open != nil {
		_ = s.open.Close()
		s.open = nil
	}
}

// ahead is what a View has read of an open file, for what it is asked next.
type ahead struct {
	from int64 // in the file
	data []byte
}

var aheads = sync.Pool{New: func() any { return &ahead{data: make([]byte, 0, aheadBytes)} }}

// IsOpen reports whether the View's bytes lie in an open file: to look at them costs a read, to send them does not.
func (v *View) IsOpen() bool { return v.first.open != nil }

// read gives bytes of an open file, and reads what follows them along.
func (v *View) read(at, n int64) ([]byte, error) {
	if b, ok := v.strip.bytes(v, at, n); ok {
		return b, nil
	}
	if v.ahead == nil {
		v.ahead = aheads.Get().(*ahead)
		v.charge(cap(v.ahead.data))
	}
	a := v.ahead
	if at < a.from || at+n > a.from+int64(len(a.data)) {
		size := max(n, min(aheadBytes, int64(v.x.Pos)+v.to-at))
		if more := int(size) - cap(a.data); more > 0 {
			a.data = make([]byte, size)
			v.charge(more)
		}
		a.from, a.data = at, a.data[:size]
		if err := v.readExactly(a.data, at); err != nil {
			a.data = a.data[:0]
			return nil, err
		}
	}
	return a.data[at-a.from:][:n:n], nil
}

func (v *View) readExactly(b []byte, at int64) error {
	switch err := piece.ReadFull(v.first.open, b, at); {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return v.x.cut(at - int64(v.x.Pos))
	default:
		return v.first.failure(0, err)
	}
}

// tidy gives back the memory that looking at bytes took.
func (v *View) tidy() {
	if v.ahead == nil {
		return
	}
	v.charge(-cap(v.ahead.data))
	if cap(v.ahead.data) <= aheadKept {
		v.ahead.from, v.ahead.data = 0, v.ahead.data[:0]
		aheads.Put(v.ahead)
	}
	v.ahead = nil
}
