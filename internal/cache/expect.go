package cache

import (
	"cmp"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
)

// What is looked at for the first time mostly comes from the disk. The kernel reads a little ahead of each read, and each request to the disk is dear.
// So a file is told, when the first of it is looked at, of all that the answer wants near that place, with what lies between: others who read
// the rest, such as members of the same group, find it there. An answer that wants
//
//	file A   [0, 60 KiB) [200, 260 KiB)        [3000, 3040 KiB)
//	file B   [0, 900 KiB)
//
// tells A of [0, 260 KiB) when it comes to the first of these, nothing when it comes to the third, which the kernel brings with one request, and B of
// [0, 900 KiB).
const (
	// expectMost is how long a region may be of which a file is told at once, in bytes. With half of it there are more requests, and a GiB takes more CPU.
	expectMost = 4 << 20
	// expectLeast: what is shorter the kernel brings with one request or two.
	expectLeast = 128 << 10
	// expectGap is what may lie between two ranges of a region. A request takes as much CPU as to bring 200 KiB; that others may want it is worth
	// the rest.
	expectGap = 512 << 10
	// expectWanted: of a region at least a fourth is wanted, so that no more than four times of what is wanted comes from the disk.
	expectWanted = 4
)

// expecting knows of what an answer's files are to be told.
type expecting struct {
	reads   []Read
	regions []region
	of      []int32 // which one a read lies in, -1: none; empty: it was not planned yet
	wishes  []wish
	byFile  []wish
}

// wish is what a read wants of a file.
type wish struct {
	file, read int32
	from, to   int64
}

// region is a range of a file that it may be told of.
type region struct {
	file     int32
	from, to int64
	wanted   int64 // bytes of it
	told     bool
}

// tell tells the file of v what is wanted near read i, once. e may be nil.
func (e *expecting) tell(v *View, i int32) {
	if e == nil {
		return
	}
	if len(e.of) == 0 {
		e.plan(v.c)
	}
	if e.of[i] < 0 {
		return
	}
	if r := &e.regions[e.of[i]]; !r.told {
		if r.told = true; r.to-r.from > expectLeast {
			v.first.open.Expect(r.from, r.to)
		}
	}
}

// plan makes regions of what is wanted. All files of the answer together are told no more at once than the cache's budget: an answer comes to all of them
// before it reads on in the first, and where there is little memory for an agent the page cache may have no more.
func (e *expecting) plan(c *Cache) {
	counts := e.list(c)
	e.sort(counts)
	most := min(expectMost, c.size/int64(max(len(counts), 1)))
	for _, w := range e.byFile {
		last := len(e.regions) - 1
		if last < 0 || !e.regions[last].takes(w, most) {
			e.regions = append(e.regions, region{file: w.file, from: w.from, to: w.from})
			last++
		}
		r := &e.regions[last]
		r.to, r.wanted = max(r.to, min(w.to, r.from+most)), r.wanted+w.to-w.from
		e.of[w.read] = int32(last)
	}
}

// takes reports whether a wish that begins behind all others may become part of the region.
func (r *region) takes(w wish, most int64) bool {
	long := max(r.to, w.to) - r.from
	return w.file == r.file && w.from-r.to <= expectGap && long <= most && (r.wanted+w.to-w.from)*expectWanted >= long
}

// list lists what is wanted of files that can be told, and counts the wishes of each.
func (e *expecting) list(c *Cache) (counts []int32) {
	number := map[base.FileRef]int32{}
	var file base.FileRef // of the wish before: at the tail all are of one
	n, known := int32(0), false
	e.of, e.wishes = slices.Grow(e.of[:0], len(e.reads))[:len(e.reads)], e.wishes[:0]
	for i := range e.reads {
		r := &e.reads[i]
		if e.of[i] = -1; r.Slot > 0 {
			continue
		}
		w := wish{read: int32(i), from: int64(r.Pos), to: int64(r.Pos) + int64(r.Len)}
		if r.Offset > r.Base || r.Bytes < int(r.Len) {
			w.from, w.to = c.windowOf(r)
		}
		if w.from >= w.to {
			continue
		}
		if !known || r.File != file {
			if n, known = number[r.File]; !known {
				n = int32(len(counts))
				number[r.File], counts = n, append(counts, 0)
			}
			file, known = r.File, true
		}
		w.file = n
		counts[n]++
		e.wishes = append(e.wishes, w)
	}
	return counts
}

// sort orders the wishes by file and place. Those of a file mostly come in order.
func (e *expecting) sort(counts []int32) {
	e.byFile = slices.Grow(e.byFile[:0], len(e.wishes))[:len(e.wishes)]
	next := make([]int32, len(counts)) // where each file's go
	for i := 1; i < len(counts); i++ {
		next[i] = next[i-1] + counts[i-1]
	}
	for _, w := range e.wishes {
		e.byFile[next[w.file]] = w
		next[w.file]++
	}
	byPlace := func(a, b wish) int { return cmp.Compare(a.from, b.from) }
	for i, end := range next {
		if of := e.byFile[end-counts[i] : end]; !slices.IsSortedFunc(of, byPlace) {
			slices.SortFunc(of, byPlace)
		}
	}
}

// windowOf gives which bytes of its file a read will look at.
func (c *Cache) windowOf(r *Read) (from, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.window(c.files[r.File])
}

// forget makes room for the next answer.
func (e *expecting) forget() { e.reads, e.regions, e.of = nil, e.regions[:0], e.of[:0] }
