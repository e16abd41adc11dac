package log

import "sort"

// replacement is an extent that takes the place of n others, the first of which begins where it does.
type replacement struct {
	Extent
	n int
}

// replace puts extents in the place of others, which have to be there, in order of offsets, and calls release for each that goes. Chunks
// before the first of them stay what they are; what follows is packed anew.
func (x *Extents) replace(by []replacement, release func(Extent)) {
	i := x.chunkOf(by[0].Base)
	list := x.listFrom(i)
	out := make([]Extent, 0, len(list))
	for _, r := range by {
		at := sort.Search(len(list), func(n int) bool { return list[n].Base >= r.Base })
		for _, old := range list[at : at+r.n] {
			release(old)
		}
		out = append(append(out, list[:at]...), r.Extent)
		list = list[at+r.n:]
	}
	x.setFrom(i, append(out, list...))
}

// listFrom unpacks what lies in full chunk i and behind it.
func (x *Extents) listFrom(i int) []Extent {
	list := make([]Extent, 0, (len(x.full)-i+1)*ChunkExtents)
	for ; i <= len(x.full); i++ {
		for e := range x.run(i) {
			list = append(list, e)
		}
	}
	return list
}

// setFrom has list take the place of what lies in full chunk i and behind it. Versions that share the chunks do not notice.
func (x *Extents) setFrom(i int, list []Extent) {
	full := append(make([]*chunk, 0, i+len(list)/ChunkExtents), x.full[:i]...)
	for ; len(list) > ChunkExtents; list = list[ChunkExtents:] {
		full = append(full, newChunk(list[:ChunkExtents]))
	}
	if i == 0 {
		x.skip = 0 // what was released before is not in the list
	}
	x.full, x.tail = full, withRoom(list)
}
