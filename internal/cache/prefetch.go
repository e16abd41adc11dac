package cache

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
)

// Bounds of what one call of Prefetch begins.
const (
	prefetchRangesMax = 128
	prefetchShare     = 4 // a fourth of the budget, so that what was loaded is still there when it is read
)

// wanted is a range of a file that is not there in full.
type wanted struct {
	file           base.FileRef
	slot           base.Slot
	from, to, size int64
}

// Prefetch begins to load what reads need and is not there: ranges that lie near each other in a file with one GET. It
// waits for nothing, and gives how many of the reads, from the first on, are there or under way: for the others there is
// no room now, or they are too many at once.
func (c *Cache) Prefetch(reads []Read) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, n := c.wanted(reads)
	slices.SortFunc(list, func(a, b wanted) int {
		return cmp.Or(bytes.Compare(a.file.ID[:], b.file.ID[:]), cmp.Compare(a.file.Store, b.file.Store), cmp.Compare(a.from, b.from))
	})
	for i := 0; i < len(list); {
		w := list[i]
		for i++; i < len(list) && list[i].file == w.file && list[i].from <= w.to+blockBytes; i++ {
			w.to = max(w.to, list[i].to)
		}
		missing := c.gaps(c.files[w.file], w.slot, w.from, w.to, c.sizeOf(w.file, w.size))
		if c.makeRoom(c.cost(missing...)) && c.load(w.file, w.slot, missing) != nil {
			return 0
		}
	}
	return n
}

// block is a range of a file that begins at a multiple of blockBytes; at -1, a file that is to be opened.
type block struct {
	file base.FileRef
	at   int64
}

// memoryOf is how many bytes a gap brings into memory, but for blocks that were counted, and counts its blocks.
func (c *Cache) memoryOf(ref base.FileRef, g gap, counted map[block]bool) (n int64) {
	if g.opened {
		if counted[block{ref, -1}] {
			return 0
		}
		counted[block{ref, -1}] = true
		return c.openCost()
	}
	for from := g.from; from < g.to; {
		at := from / blockBytes * blockBytes
		to := min(g.to, at+blockBytes)
		if !counted[block{ref, at}] {
			counted[block{ref, at}] = true
			n += to - from
		}
		from = to
	}
	return n
}

// wanted looks for what is missing, up to the bounds; c.mu is held.
func (c *Cache) wanted(reads []Read) (list []wanted, n int) {
	var bytes int64
	counted := map[block]bool{}
	open := false // the file of the read before is: that lacks nothing
	for n = range reads {
		r := &reads[n]
		if open = open && r.File == reads[n-1].File; open {
			continue
		}
		f := c.files[r.File]
		if s := f.opened(); s != nil && int64(r.Pos)+int64(r.Len) <= s.to {
			f.use(c, s.from, s.to)
			open = true
			continue
		}
		from, to := r.window(f)
		missing := c.gaps(f, r.Slot, from, to, c.sizeOf(r.File, r.FileBytes))
		if len(missing) == 0 {
			f.use(c, from, to)
			continue
		}
		more := int64(0)
		for _, g := range missing {
			more += c.memoryOf(r.File, g, counted)
		}
		if more == 0 {
			continue // a read before needs the same
		}
		bytes += more
		if len(list) == prefetchRangesMax || n > 0 && bytes > c.size/prefetchShare {
			return list, n
		}
		list = append(list, wanted{r.File, r.Slot, from, to, r.FileBytes})
	}
	return list, len(reads)
}
