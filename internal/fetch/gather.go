package fetch

import (
	"container/heap"
	"slices"

	"github.com/millrace-io/millrace/internal/meta/log"
)

// gathering names the extents of a plan: one of each part first; then those of the oldest files, until the limits are reached. So each
// answer has something of all parts that it has room for, and parts that are read together come to be at the same files: these are
// read for many of them at once.
type gathering struct {
	plan    *Plan
	most    Limits
	cursors []cursor // of the parts that have something
	found   []found
	files   oldestFirst
	byFile  map[uint64]*atFile
	last    *atFile // that a part came to
}

// cursor is how far a part has come.
type cursor struct {
	part   int
	log    *log.Partition
	offset int64
	most   int64      // bytes
	count  int        // of extents
	walk   *log.Walk  // to the next one; nil: none came yet
	ahead  log.Extent // the next one, if it was looked at; without records: it was not
}

// atFile are the cursors whose next extent lies in a file.
type atFile struct {
	file    uint64
	cursors []int32
}

// oldestFirst is a heap of files.
type oldestFirst []*atFile

func (o oldestFirst) Len() int           { return len(o) }
func (o oldestFirst) Less(i, j int) bool { return o[i].file < o[j].file }
func (o oldestFirst) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *oldestFirst) Push(x any)        { *o = append(*o, x.(*atFile)) }
func (o *oldestFirst) Pop() any {
	old := *o
	x := old[len(old)-1]
	*o = old[:len(old)-1]
	return x
}

type found struct {
	part   int
	extent log.Extent
}

// turn says which extent of a plan it is, and of which part.
type turn struct{ part, extent int }

func (g *gathering) run() {
	g.goOn(g.oneOfEach())
	for len(g.files) > 0 && !g.isFull() {
		g.goOn(g.oneOfOldest())
	}
	g.plan.Full = g.plan.Full || g.isFull()
	g.sort()
}

// isFull: more than the first extent does not fit.
func (g *gathering) isFull() bool {
	limited := g.plan.Bytes >= g.most.Bytes || g.plan.Memory >= g.most.Memory
	return limited && len(g.found) > 0 || len(g.found) >= planExtentsMaxAll
}

// oneOfEach takes the first extent of each part, and gives the cursors that go on.
func (g *gathering) oneOfEach() (going []int32) {
	for i := range g.cursors {
		if g.isFull() {
			return nil
		}
		if g.advance(&g.cursors[i]) {
			going = append(going, int32(i))
		}
	}
	return going
}

// oneOfOldest takes the next extent of the parts that go on in the oldest file, and gives the cursors that go on.
func (g *gathering) oneOfOldest() (going []int32) {
	at := heap.Pop(&g.files).(*atFile)
	delete(g.byFile, at.file)
	if g.last == at {
		g.last = nil
	}
	if !slices.IsSorted(at.cursors) { // they came to it from several files
		slices.Sort(at.cursors)
	}
	going = at.cursors[:0]
	for _, i := range at.cursors {
		if g.isFull() {
			return nil
		}
		if g.advance(&g.cursors[i]) {
			going = append(going, i)
		}
	}
	return going
}

// goOn notes the files in which cursors go on.
func (g *gathering) goOn(going []int32) {
	if g.isFull() {
		return
	}
	if g.byFile == nil && len(going) > 0 {
		g.byFile = map[uint64]*atFile{}
	}
	for _, i := range going {
		if x, ok := g.cursors[i].peek(); ok {
			at := g.at(x.File)
			at.cursors = append(at.cursors, i)
		}
	}
}

// at gives the list of a file. Most cursors come to the same one.
func (g *gathering) at(file uint64) *atFile {
	if g.last != nil && g.last.file == file {
		return g.last
	}
	at := g.byFile[file]
	if at == nil {
		at = &atFile{file: file}
		g.byFile[file] = at
		heap.Push(&g.files, at)
	}
	g.last = at
	return at
}

// advance takes a part's next extent, and reports whether the part goes on.
func (g *gathering) advance(c *cursor) bool {
	p, part := g.plan, &g.plan.Parts[c.part]
	if c.most == 0 && len(g.found) > 0 {
		p.Full = true
		return false
	}
	x, ok := c.next()
	if !ok {
		return false
	}
	g.take(c, x)
	if part.Bytes >= c.most {
		p.Full = true
		return false
	}
	if c.count == planExtentsMax {
		p.Full = c.offset < c.log.End || p.Full
		return false
	}
	return c.offset < c.log.End
}

// peek gives the extent that comes next.
func (c *cursor) peek() (x log.Extent, ok bool) {
	if x, ok = c.next(); ok {
		c.ahead = x
	}
	return x, ok
}

// next gives the part's next extent. At the tail most parts have one: only a walk that goes on is kept.
func (c *cursor) next() (x log.Extent, ok bool) {
	switch {
	case c.ahead.Count > 0:
		x, c.ahead = c.ahead, log.Extent{}
		return x, true
	case c.walk != nil:
		return c.walk.Next()
	}
	w := c.log.Extents.Walk(c.offset)
	x, ok = w.Next()
	if ok && x.End() < c.log.End {
		kept := w
		c.walk = &kept
	}
	return x, ok
}

// take adds an extent to its part.
func (g *gathering) take(c *cursor, x log.Extent) {
	p, part := g.plan, &g.plan.Parts[c.part]
	n := max(1, min(remaining(x, c.offset), c.most-part.Bytes, g.most.Bytes-p.Bytes))
	g.found = append(g.found, found{c.part, x})
	part.Bytes += n
	p.Bytes += n
	p.Memory += g.most.inMemory(n)
	c.offset = x.End()
	c.count++
}

// sort puts the extents part by part, each part's in their order.
func (g *gathering) sort() {
	p := g.plan
	counts := make([]int, len(p.Parts)+1)
	for i := range g.found {
		counts[g.found[i].part+1]++
	}
	for i := range p.Parts {
		counts[i+1] += counts[i]
		p.Parts[i].first, p.Parts[i].last = counts[i], counts[i]
	}
	p.Extents, p.rounds = make([]log.Extent, len(g.found)), make([]turn, len(g.found))
	for i := range g.found {
		part := &p.Parts[g.found[i].part]
		p.Extents[part.last] = g.found[i].extent
		p.rounds[i] = turn{g.found[i].part, part.last}
		part.last++
	}
}

// cut leaves out all from a turn on.
func (p *Plan) cut(from int) {
	for _, t := range p.rounds[from:] {
		part := &p.Parts[t.part]
		part.last = min(part.last, t.extent)
	}
	p.rounds = p.rounds[:from]
}
