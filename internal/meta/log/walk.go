package log

import "sort"

// Walk goes through a list's extents one by one. The list must not change meanwhile.
type Walk struct {
	x      *Extents
	offset int64
	i      int // full chunk, or, past the last of these, the tail
	n      int // extents of it that came
	u      unpacker
}

// Walk begins before the first extent that ends after offset.
func (x *Extents) Walk(offset int64) Walk {
	if n := len(x.tail); n > 0 && x.tail[n-1].Base <= offset { // readers of what was written last
		if x.tail[n-1].End() > offset {
			n--
		}
		return Walk{x: x, offset: offset, i: len(x.full), n: n}
	}
	w := Walk{x: x, offset: offset, i: x.chunkOf(offset)}
	w.enter()
	return w
}

// chunkOf gives the full chunk in which the first extent lies that ends after offset, or, past the last of these, the tail.
func (x *Extents) chunkOf(offset int64) int {
	return sort.Search(len(x.full), func(i int) bool { return x.full[i].end > offset })
}

// enter begins with chunk i, or with the tail.
func (w *Walk) enter() {
	x := w.x
	if w.i == len(x.full) {
		w.n = sort.Search(len(x.tail), func(j int) bool { return x.tail[j].End() > w.offset })
		return
	}
	w.u = x.full[w.i].unpack()
	for w.n = 0; w.i == 0 && w.n < x.skip; w.n++ {
		w.u.next()
	}
}

// Next gives the next extent; false: there is none.
func (w *Walk) Next() (Extent, bool) {
	for ; w.i < len(w.x.full); w.enter() {
		for w.n < ChunkExtents {
			w.n++
			if e := w.u.next(); e.End() > w.offset {
				return e, true
			}
		}
		w.i++
	}
	if w.n == len(w.x.tail) {
		return Extent{}, false
	}
	w.n++
	return w.x.tail[w.n-1], true
}
