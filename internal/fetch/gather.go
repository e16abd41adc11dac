package fetch

import (
	"math"

	"github.com/millrace-io/millrace/internal/meta/log"
)

// gathering names the extents of a plan: one of each part first; then those of the oldest files, until the limits are reached. So each
// answer has something of all parts that it has room for, and parts that are read together come to be at the same files: these are
// read for many of them at once.
type gathering struct {
	plan    *Plan
	most    Limits
	cursors []cursor // of the parts that go on
	found   []found
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

type found struct {
	part   int
	extent log.Extent
}

// turn says which extent of a plan it is, and of which part.
type turn struct{ part, extent int }

func (g *gathering) run() {
	for file := uint64(math.MaxUint64); len(g.cursors) > 0 && !g.isFull(); file = g.oldest() {
		g.upTo(file)
	}
	g.plan.Full = g.plan.Full || g.isFull()
	g.sort()
}

// oldest is the first of the files in which parts go on.
func (g *gathering) oldest() uint64 {
	file := uint64(math.MaxUint64)
	for i := range g.cursors {
		file = min(file, g.cursors[i].peek().File)
	}
	return file
}

// isFull: more than the first extent does not fit.
func (g *gathering) isFull() bool {
	limited := g.plan.Bytes >= g.most.Bytes || g.plan.Memory >= g.most.Memory
	return limited && len(g.found) > 0 || len(g.found) >= planExtentsMaxAll
}

// upTo takes the next extent of each part that goes on in that file or an older one.
func (g *gathering) upTo(file uint64) {
	going := g.cursors[:0]
	for i := range g.cursors {
		if g.isFull() {
			g.cursors = nil
			return
		}
		if c := &g.cursors[i]; c.ahead.File > file || g.advance(c) {
			going = append(going, *c)
		}
	}
	g.cursors = going
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

// peek gives the extent that comes next; there is one, as the part goes on.
func (c *cursor) peek() *log.Extent {
	if c.ahead.Count == 0 {
		c.ahead, _ = c.next()
	}
	return &c.ahead
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
