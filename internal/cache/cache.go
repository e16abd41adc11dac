package cache

import (
	"context"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Bounds.
const (
	// blockBytes aligns what is read: a partition's neighbours in a file are mostly read by the same consumers.
	blockBytes = 1 << 20
	// getBytesMax is the most that one GET reads: beyond some MiB a store answers two GETs sooner than one.
	getBytesMax = 8 << 20
	// overheadShift: a span in memory is counted with an eighth more than its bytes, for the indexes of its batches. Those of extents
	// below some 600 bytes take more than that: they lie in files of many partitions, and there is one for each.
	overheadShift = 3
	// MemoryMin is the least budget: what one GET brings, twice.
	MemoryMin = 2 * (getBytesMax + getBytesMax>>overheadShift)
	// getTimeout bounds one GET, with its repetitions.
	getTimeout = 30 * time.Second
	// entriesAtOnce bounds the journal entries that are read at a time for what rides in them: an entry may have 4 MiB, however
	// little of it is wanted.
	entriesAtOnce = 4
)

// Riders reads the data files that ride in a journal entry. Errors are the store's, or of kind base.CorruptMessage if the entry is
// damaged, also when it is read once more.
type Riders func(ctx context.Context, slot base.Slot) ([]log.Rider, error)

// Cache is one agent's. Its methods are safe for concurrent use.
type Cache struct {
	env   env.Env
	from  Source
	stop  *env.Stopper
	ctx   context.Context
	size  int64
	stats counters

	entries *env.Semaphore

	mu    sync.Mutex
	room  env.Cond // broadcast when something is let go of that somebody may wait for
	files map[base.FileRef]*file
	used  int64 // bytes of all spans, also of those that are held by readers alone
	held  int64 // of these: of spans that may not go
	lru   span  // list head: next is the most recently used of those that may go
	want  int   // readers that wait for room
	lends int64 // what strips may have, beside size
	lent  int64 // what they have
	round int   // of closeIdle

	rides   map[base.Slot][]*span   // what waits for an entry that is being read
	ailings map[base.FileRef]ailing // files that are missing, cut short or wholly damaged in the bucket; at most ailingMax
}

// Source is where the bytes of files come from.
type Source struct {
	Store   objstore.Store
	Opener  objstore.Opener // if not nil, files are opened by it instead of being read into memory
	OpenMax int             // of them at a time; 0: the constant
	Riders  Riders          // may be nil where nothing rides
}

// New makes a cache of at most memory bytes (at least MemoryMin), with what strips take.
func New(e env.Env, from Source, memory int64) *Cache {
	if from.OpenMax == 0 {
		from.OpenMax = OpenMax
	}
	c := &Cache{env: e, from: from, stop: env.NewStopper(e), size: max(memory, MemoryMin), entries: env.NewSemaphore(e, entriesAtOnce),
		files: map[base.FileRef]*file{}, rides: map[base.Slot][]*span{}, ailings: map[base.FileRef]ailing{}}
	if from.Opener != nil {
		c.lends = c.size / stripShare
		c.size -= c.lends
	}
	c.ctx = c.stop.Context()
	c.room = e.NewCond(&c.mu)
	c.lru.next, c.lru.prev = &c.lru, &c.lru
	if from.Opener != nil {
		c.stop.Go("cache idle files", c.closeIdle)
	}
	return c
}

// Stop ends the GETs that are under way and waits for them.
func (c *Cache) Stop(deadline time.Time) {
	c.stop.Stop()
	c.stop.Wait(deadline)
}

// Put takes in a whole file that was just uploaded, or rides. The cache keeps body; it must not change any more.
func (c *Cache) Put(ref base.FileRef, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(ref, body)
}

func (c *Cache) put(ref base.FileRef, body []byte) {
	s := &span{to: int64(len(body)), data: body}
	if c.files[ref] != nil || s.cost() > c.size/4 || !c.makeRoom(s.cost()) {
		return
	}
	f := &file{ref: ref}
	c.files[ref] = f
	s.file, s.listed = f, true
	f.spans = append(f.spans, s)
	c.used += s.cost()
	c.touch(s)
}

// Pressed reports whether half of the budget is held by those who send it to their clients.
func (c *Cache) Pressed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held > c.size/2
}

// Whole gives the bytes of a file if all of them are there in one piece; nil if not. They must not be changed.
func (c *Cache) Whole(ref base.FileRef, sizeBytes int64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.files[ref]; f != nil && len(f.spans) == 1 && int64(len(f.spans[0].data)) == sizeBytes {
		return f.spans[0].data
	}
	return nil
}

// makeRoom lets the least recently used spans go until n more bytes fit; c.mu is held.
func (c *Cache) makeRoom(n int64) bool {
	if c.size-c.held < n {
		return false
	}
	for c.used+n > c.size && c.lru.prev != &c.lru {
		c.stats.evicted.Add(1)
		c.remove(c.lru.prev)
	}
	return c.used+n <= c.size
}

// awaitRoom makes room for n bytes. Somebody who holds nothing may wait for it; and who wants more than could ever be
// free gets it once nobody holds anything, so that a batch larger than the cache can be read.
func (c *Cache) awaitRoom(n int64, wait bool, deadline time.Time) error {
	for !c.makeRoom(n) {
		if c.held == 0 {
			return nil
		}
		if !wait {
			return ErrNoRoom
		}
		c.want++
		woken := c.room.Wait(deadline)
		c.want--
		if !woken {
			return ErrNoRoom
		}
	}
	return nil
}

// hold keeps s from going.
func (c *Cache) hold(s *span) {
	if s.holders == 0 {
		s.unlink()
		c.held += s.cost()
	}
	s.holders++
}

// letGo undoes a hold.
func (c *Cache) letGo(s *span) {
	s.holders--
	if s.holders > 0 {
		return
	}
	c.held -= s.cost()
	if s.listed {
		c.touch(s)
	} else {
		c.used -= s.cost()
		s.close()
	}
	if c.want > 0 {
		c.room.Broadcast()
	}
}

// touch makes s, which nobody holds, the most recently used.
func (c *Cache) touch(s *span) {
	if s.open != nil {
		s.used = c.round
	}
	s.unlink()
	s.next, s.prev = c.lru.next, &c.lru
	s.next.prev, s.prev.next = s, s
}

// remove takes s out of its file, with the indexes that speak of it. If it is held, its memory is counted until it is
// let go of.
func (c *Cache) remove(s *span) {
	if !s.listed {
		return
	}
	s.listed = false
	s.file.remove(s)
	if len(s.file.spans) == 0 && c.files[s.file.ref] == s.file {
		delete(c.files, s.file.ref)
	}
	if s.holders == 0 {
		s.unlink()
		c.used -= s.cost()
		s.close()
	}
}
