package cache

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
)

// ErrNoRoom: everything in memory is being written to clients.
var ErrNoRoom error = base.Errorf(base.RequestTimedOut, "the cache is full of records that are being sent: clients read slowly, or --memory is small")

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
	Offset  int64 // Base to Base+Count-1
	Bytes   int
	Need    uint32
	strip   *Strip     // it is read with others; may be nil
	expects *expecting // what its answer's files are told; may be nil
	place   int32      // in expects.reads
}

// window says which bytes of the extent are to be looked at. Where the batch of Offset begins is known if the index
// reaches so far; if not, all from the index's end on is needed, and how much that is can only be guessed.
func (r *Read) window(f *file) (from, to int64) {
	var room [settledMost + 1]mark
	m := f.marksOf(&r.Extent, &room)
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

// needAhead is read beyond a batch that was not where it was looked for.
const needAhead = 256 << 10

// Next holds bytes of r, which it has loaded if need be, and gives the batches in them from r.Offset on, at least one. Only a
// caller that holds no other View may have wait set: it waits for room in memory, others fail with ErrNoRoom. The other errors
// are *FileError, env.ErrDeadline and the store's. The View must be released.
func (c *Cache) Next(r Read, wait bool, deadline time.Time) (View, Run, error) {
	if v, run, ok := c.ready(&r); ok {
		return v, run, nil
	}
	for again := false; ; {
		v, err := c.open(r, wait, deadline)
		if err != nil {
			return View{}, Run{}, err
		}
		if v.IsOpen() && !v.isKnown() {
			r.expects.tell(&v, r.place)
		}
		run, err := v.batches(r.Offset, again)
		switch {
		case err != nil && !again && !v.index.remembers(c.env.Now()):
			// Once more from the bucket: it may have been the memory, or the way here.
			v.discard()
			r.strip.drop()
			again, r.strip = true, nil
			continue
		case err == nil && run.Len() > 0:
			return v, run, nil
		case err == nil && v.short:
			err = r.cut(v.to)
		}
		v.Release()
		if err == nil && !deadline.IsZero() && c.env.Now().After(deadline) {
			err = env.ErrDeadline
		}
		if err != nil {
			return View{}, Run{}, err
		}
		r.Need = uint32(min(int64(run.need)+needAhead, int64(r.Len)))
	}
}

// open holds the bytes of r.
func (c *Cache) open(r Read, wait bool, deadline time.Time) (View, error) {
	v, loading, err := c.view(r, wait, deadline)
	if err != nil {
		return View{}, err
	}
	for i := 0; loading && i < v.spans(); i++ {
		s := v.span(i)
		if s.ready == nil {
			continue
		}
		if _, err := s.ready.Wait(deadline); err != nil {
			v.Release()
			return View{}, r.own(err)
		}
	}
	if !v.trim() {
		v.Release()
		return View{}, r.cut(v.from)
	}
	return v, nil
}

// view holds what there is of r, and has loaded what is missing; loading tells whether it has to be awaited.
func (c *Cache) view(r Read, wait bool, deadline time.Time) (v View, loading bool, err error) {
	if int64(r.Pos)+int64(r.Len) > r.FileBytes || r.Offset < r.Base || r.Offset >= r.Base+int64(r.Count) {
		return v, false, r.damaged(0, int64(r.Len), "there is no record %d in an extent of %d from %d, in a file of %d bytes", r.Offset, r.Count, r.Base, r.FileBytes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	from, to, err := c.fill(&r, wait, deadline)
	if err != nil {
		return v, false, err
	}
	f := c.files[r.File]
	v = View{c: c, x: r.Extent, from: from - int64(r.Pos), to: to - int64(r.Pos), strip: r.strip}
	var made bool
	v.index, made = f.index(&v.x)
	for _, s := range f.spans[f.at(from):] {
		if s.from >= to {
			break
		}
		c.hold(s)
		v.add(s)
		loading = loading || !s.isThere()
	}
	if made {
		c.charge(v.first, indexBytes+markBytes*(len(v.index.known.Load().marks)-1))
	}
	return v, loading, nil
}

// fill has what is missing of r's window loaded, and gives the window; c.mu is held, but let go of while there is no room.
func (c *Cache) fill(r *Read, wait bool, deadline time.Time) (from, to int64, err error) {
	for {
		from, to, missing, err := c.missing(r)
		if err != nil || len(missing) == 0 {
			return from, to, err
		}
		// Room is made at the cost of what was used least, so not of the other parts of this range.
		c.files[r.File].use(c, from, to)
		if err := c.awaitRoom(c.cost(missing...), wait, deadline); err != nil {
			return 0, 0, err
		}
		if from, to, now, err := c.missing(r); err == nil && slices.Equal(now, missing) {
			c.stats.misses.Add(1)
			return from, to, c.load(r.File, r.Slot, missing)
		}
	}
}

// missing gives r's window in the file and what has to be loaded of it; c.mu is held. It fails where the bucket is known not to
// have the window's beginning.
func (c *Cache) missing(r *Read) (from, to int64, list []gap, err error) {
	f, size := c.files[r.File], c.sizeOf(r.File, r.FileBytes)
	from, to = r.window(f)
	list = c.gaps(f, r.Slot, from, to, size)
	if len(list) == 0 && size < to && !f.covers(from) {
		err = c.lacks(r, from-int64(r.Pos))
	}
	return from, to, list, err
}

func (c *Cache) cost(missing ...gap) (n int64) {
	for _, g := range missing {
		n += c.spanOf(nil, g).cost()
	}
	return n
}

// spanOf is an empty span for what is missing of a file.
func (c *Cache) spanOf(f *file, g gap) *span {
	s := &span{file: f, from: g.from, to: g.to}
	if g.opened {
		s.openCost = c.openCost()
	}
	return s
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
