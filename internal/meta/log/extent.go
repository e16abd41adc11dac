package log

import (
	"iter"
	"math"
	"slices"
)

// ChunkExtents is the size of a full chunk.
const ChunkExtents = 64

// SmallBytes: extents of fewer bytes are small, and are to be brought together with others (jobs/merge).
const SmallBytes = 64 << 10

// Extent says where the records [Base, Base+Count) of a partition lie. 40 bytes, no pointers.
type Extent struct {
	Base         int64  // offset of the first record
	File         uint64 // number of the data file
	MaxTimestamp int64  // the highest timestamp of its records; -1 if none has one
	Pos          uint32 // of the first byte in the file
	Len          uint32 // bytes, at least 1
	Count        uint32 // offsets taken, at least 1
}

// End is the offset after the last record.
func (e Extent) End() int64 { return e.Base + int64(e.Count) }

// chunk is ChunkExtents extents, packed: a state has many millions of them, and nearly all lie here. It never changes.
type chunk struct {
	packed       []byte // as encodeExtents lays them out
	end          int64
	maxTimestamp int64
	bytes        int64
	small        uint8 // extents of fewer than SmallBytes
	open         bool  // the last is one of them
}

func newChunk(es []Extent) *chunk {
	c := &chunk{packed: pack(es), end: es[len(es)-1].End(), maxTimestamp: es[0].MaxTimestamp, bytes: sizeOf(es)}
	for i := range es {
		c.maxTimestamp = max(c.maxTimestamp, es[i].MaxTimestamp)
		if c.open = es[i].Len < SmallBytes; c.open {
			c.small++
		}
	}
	return c
}

func sizeOf(es []Extent) int64 {
	var n int64
	for i := range es {
		n += int64(es[i].Len)
	}
	return n
}

// Extents is a partition's list of extents in offset order: full chunks, then a tail.
//
// Versions of a list share the array of the tail: a newer one writes behind the end of the older ones, into slots that
// are zero. A slot that is not (Count > 0) belongs to another fork: the tail is copied then. So no version ever sees a
// change, whichever forks are followed or dropped. The one extent that is changed in place is that of the file which is
// being committed: nobody else can have it yet.
type Extents struct {
	full  []*chunk
	tail  []Extent // at most ChunkExtents
	first uint64   // number of full[0]: full chunks are numbered from 0 in a partition's life
	skip  int      // extents at the front of full[0] that lie below the log start, released already
}

// Len is the number of extents.
func (x *Extents) Len() int { return len(x.full)*ChunkExtents - x.skip + len(x.tail) }

// Bytes is the size of all extents.
func (x *Extents) Bytes() int64 {
	n := sizeOf(x.tail)
	for _, c := range x.full {
		n += c.bytes
	}
	if x.skip > 0 {
		u := x.full[0].unpack()
		for range x.skip {
			n -= int64(u.next().Len)
		}
	}
	return n
}

// Past gives the offset behind the first full chunks of those that end after offset, as long as they have fewer than few extents of
// less than SmallBytes, and do not end with one: who looks for rows of few or more of them need not go through these.
func (x *Extents) Past(offset int64, few int) int64 {
	for _, c := range x.full[x.chunkOf(offset):] {
		if int(c.small) >= few || c.open {
			break
		}
		offset = c.end
	}
	return offset
}

// From calls yield for every extent that ends after offset, in order, until it returns false.
func (x *Extents) From(offset int64, yield func(Extent) bool) {
	w := x.Walk(offset)
	for e, ok := w.Next(); ok && yield(e); {
		e, ok = w.Next()
	}
}

// AtTime gives the first extent in offset order whose highest timestamp reaches t (ListOffsets by time), at or after
// offset from.
func (x *Extents) AtTime(t, from int64) (Extent, bool) {
	for i := 0; i <= len(x.full); i++ {
		if i < len(x.full) && (x.full[i].maxTimestamp < t || x.full[i].end <= from) {
			continue
		}
		for e := range x.run(i) {
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
	for i := 0; i <= len(x.full); i++ {
		if found && i < len(x.full) && x.full[i].maxTimestamp <= best.MaxTimestamp {
			continue
		}
		for e := range x.run(i) {
			if !found || e.MaxTimestamp > best.MaxTimestamp {
				best, found = e, true
			}
		}
	}
	return best, found
}

// run goes through full chunk i, or, past the last of these, through the tail.
func (x *Extents) run(i int) iter.Seq[Extent] {
	if i == len(x.full) {
		return slices.Values(x.tail)
	}
	return x.chunk(i)
}

// chunk goes through full chunk i without what was released of it before.
func (x *Extents) chunk(i int) iter.Seq[Extent] {
	return func(yield func(Extent) bool) {
		u, skip := x.full[i].unpack(), 0
		if i == 0 {
			skip = x.skip
		}
		for n := range ChunkExtents {
			if e := u.next(); n >= skip && !yield(e) {
				return
			}
		}
	}
}

// append adds e, or lets the last extent grow by it where both lie side by side in one file.
func (x *Extents) append(e Extent) (merged bool) {
	n := len(x.tail)
	if n > 0 && x.tail[n-1].takes(e) {
		x.tail[n-1].grow(e)
		return true
	}
	if n == ChunkExtents {
		x.full = append(x.full[:len(x.full):len(x.full)], newChunk(x.tail))
		x.tail, n = nil, 0
	}
	if n == cap(x.tail) || x.tail[:n+1][n].Count != 0 {
		x.tail = withRoom(x.tail)
	}
	x.tail = x.tail[:n+1]
	x.tail[n] = e
	return false
}

// withRoom copies es to where there are slots behind them: an eighth more, since most partitions wait long for their next
// extent, and what the allocator's size class leaves. Growing a slice would double it.
func withRoom(es []Extent) []Extent {
	room := append([]Extent(nil), make([]Extent, len(es)+1+len(es)/8)...)
	clear(room[copy(room, es):cap(room)])
	return room[:len(es)]
}

// takes reports whether next continues e, in the log and in the file, and both fit one extent.
func (e *Extent) takes(next Extent) bool {
	return e.File == next.File && e.End() == next.Base && uint64(e.Pos)+uint64(e.Len) == uint64(next.Pos) &&
		uint64(e.Len)+uint64(next.Len) <= math.MaxUint32 && uint64(e.Count)+uint64(next.Count) <= math.MaxUint32
}

func (e *Extent) grow(by Extent) {
	e.Len += by.Len
	e.Count += by.Count
	e.MaxTimestamp = max(e.MaxTimestamp, by.MaxTimestamp)
}

// trim lets go of every extent that ends at or below start, and calls release for each.
func (x *Extents) trim(start int64, release func(Extent)) {
	for len(x.full) > 0 {
		for e := range x.chunk(0) {
			if e.End() > start {
				return
			}
			release(e)
			x.skip++
		}
		x.full = slices.Clone(x.full[1:]) // a slice of the old array would keep the chunk alive
		x.first++
		x.skip = 0
	}
	n := 0
	for n < len(x.tail) && x.tail[n].End() <= start {
		release(x.tail[n])
		n++
	}
	if x.tail = x.tail[n:]; len(x.tail) == 0 {
		x.tail = nil
	}
}
