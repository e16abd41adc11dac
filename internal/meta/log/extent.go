package log

import (
	"sort"
)

// ChunkExtents is the size of a full chunk: 64 × 40 B = 2.5 KiB is the most that an append copies.
const ChunkExtents = 64

// Extent says where the records [Base, Base+Count) of a partition lie. 40 bytes, no pointers.
type Extent struct {
	Base         int64  // offset of the first record
	File         uint64 // number of the data file
	MaxTimestamp int64  // the highest timestamp of its records; -1 if none has one
	Pos          uint32 // of the first byte in the file
	Len          uint32 // bytes
	Count        uint32 // offsets taken
}

// End is the offset after the last record.
func (e Extent) End() int64 { return e.Base + int64(e.Count) }

// chunk holds up to ChunkExtents extents. A full chunk never changes.
type chunk struct {
	extents      []Extent
	maxTimestamp int64
	bytes        int64
}

func (c *chunk) end() int64 { return c.extents[len(c.extents)-1].End() }

// with gives a chunk that holds e as well. The receiver is not changed.
func (c *chunk) with(e Extent) *chunk {
	n := &chunk{maxTimestamp: max(c.maxTimestamp, e.MaxTimestamp), bytes: c.bytes + int64(e.Len)}
	n.extents = make([]Extent, len(c.extents)+1)
	copy(n.extents, c.extents)
	n.extents[len(c.extents)] = e
	return n
}

// grown gives a chunk whose last extent is replaced by e, which begins where the last began.
func (c *chunk) grown(e Extent) *chunk {
	last := len(c.extents) - 1
	n := &chunk{maxTimestamp: max(c.maxTimestamp, e.MaxTimestamp), bytes: c.bytes - int64(c.extents[last].Len) + int64(e.Len)}
	n.extents = append(make([]Extent, 0, len(c.extents)), c.extents...)
	n.extents[last] = e
	return n
}

// Extents is a partition's list of extents in offset order.
type Extents struct {
	chunks []*chunk
	first  uint64 // number of chunks[0]: chunks are numbered from 0 in a partition's life
	skip   int    // extents at the front of chunks[0] that lie below the log start, released already
}

// Len is the number of extents.
func (x *Extents) Len() int {
	n := -x.skip
	for _, c := range x.chunks {
		n += len(c.extents)
	}
	return n
}

// Bytes is the size of all extents.
func (x *Extents) Bytes() int64 {
	var n int64
	for _, c := range x.chunks {
		n += c.bytes
	}
	for i := 0; i < x.skip; i++ {
		n -= int64(x.chunks[0].extents[i].Len)
	}
	return n
}

// From calls yield for every extent that ends after offset, in order, until it returns false.
func (x *Extents) From(offset int64, yield func(Extent) bool) {
	i := sort.Search(len(x.chunks), func(i int) bool { return x.chunks[i].end() > offset })
	for ; i < len(x.chunks); i++ {
		es := x.live(i)
		j := sort.Search(len(es), func(j int) bool { return es[j].End() > offset })
		for ; j < len(es); j++ {
			if !yield(es[j]) {
				return
			}
		}
	}
}

// AtTime gives the first extent in offset order whose highest timestamp reaches t (ListOffsets by time), at or after
// offset from.
func (x *Extents) AtTime(t, from int64) (Extent, bool) {
	for i, c := range x.chunks {
		if c.maxTimestamp < t || c.end() <= from {
			continue
		}
		for _, e := range x.live(i) {
			if e.MaxTimestamp >= t && e.End() > from {
				return e, true
			}
		}
	}
	return Extent{}, false
}

// MaxTimestamp gives the first extent that bears the highest timestamp of all.
func (x *Extents) MaxTimestamp() (Extent, bool) {
	best, found := Extent{}, false
	for i, c := range x.chunks {
		if found && c.maxTimestamp <= best.MaxTimestamp {
			continue
		}
		for _, e := range x.live(i) {
			if !found || e.MaxTimestamp > best.MaxTimestamp {
				best, found = e, true
			}
		}
	}
	return best, found
}

// live is chunk i without what was released.
func (x *Extents) live(i int) []Extent {
	if i == 0 {
		return x.chunks[0].extents[x.skip:]
	}
	return x.chunks[i].extents
}

// append adds e, or lets the last extent grow by it where both lie side by side in one file.
func (x *Extents) append(e Extent) (merged bool) {
	n := len(x.chunks)
	if n == 0 || len(x.chunks[n-1].extents) == ChunkExtents {
		if n > 0 && x.follows(e) {
			x.replaceTail(x.chunks[n-1].grown(x.join(e)))
			return true
		}
		chunks := make([]*chunk, n, n+1)
		copy(chunks, x.chunks)
		x.chunks = append(chunks, &chunk{extents: []Extent{e}, maxTimestamp: e.MaxTimestamp, bytes: int64(e.Len)})
		return false
	}
	if x.follows(e) {
		x.replaceTail(x.chunks[n-1].grown(x.join(e)))
		return true
	}
	x.replaceTail(x.chunks[n-1].with(e))
	return false
}

// last is the last extent; there must be one.
func (x *Extents) last() Extent {
	es := x.chunks[len(x.chunks)-1].extents
	return es[len(es)-1]
}

// follows reports whether e continues the last live extent, in the log and in the file.
func (x *Extents) follows(e Extent) bool {
	if len(x.chunks) == 1 && x.skip == len(x.chunks[0].extents) {
		return false
	}
	l := x.last()
	return l.File == e.File && l.End() == e.Base && uint64(l.Pos)+uint64(l.Len) == uint64(e.Pos)
}

func (x *Extents) join(e Extent) Extent {
	l := x.last()
	l.Len += e.Len
	l.Count += e.Count
	l.MaxTimestamp = max(l.MaxTimestamp, e.MaxTimestamp)
	return l
}

func (x *Extents) replaceTail(c *chunk) {
	chunks := make([]*chunk, len(x.chunks))
	copy(chunks, x.chunks)
	chunks[len(chunks)-1] = c
	x.chunks = chunks
}

// trim lets go of every extent that ends at or below start, and calls release for each.
func (x *Extents) trim(start int64, release func(Extent)) {
	for len(x.chunks) > 0 {
		es := x.chunks[0].extents
		for x.skip < len(es) && es[x.skip].End() <= start {
			release(es[x.skip])
			x.skip++
		}
		if x.skip < len(es) {
			return
		}
		if len(x.chunks) == 1 && len(es) < ChunkExtents {
			return // the tail chunk goes on filling: its number stays taken
		}
		x.chunks = x.chunks[1:]
		x.first++
		x.skip = 0
	}
}
