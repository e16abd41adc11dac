package log

import "slices"

// replace puts e in the place of n extents, the first of which begins at e.Base and which have to be there, and calls release for
// each. Chunks before the first of them stay what they are; what follows is packed anew.
func (x *Extents) replace(n int, e Extent, release func(Extent)) {
	i := x.chunkOf(e.Base)
	list := x.listFrom(i)
	at := slices.IndexFunc(list, func(o Extent) bool { return o.Base == e.Base })
	for _, old := range list[at : at+n] {
		release(old)
	}
	x.setFrom(i, slices.Replace(list, at, at+n, e))
}

// listFrom unpacks what lies in full chunk i and behind it.
func (x *Extents) listFrom(i int) []Extent {
	list := make([]Extent, 0, (len(x.full)-i+1)*ChunkExtents)
	for ; i <= len(x.full); i++ {
		list = slices.AppendSeq(list, x.run(i))
	}
	return list
}

// setFrom has list take the place of what lies in full chunk i and behind it. Versions that share the chunks do not notice.
func (x *Extents) setFrom(i int, list []Extent) {
	full := slices.Clone(x.full[:i])
	for ; len(list) > ChunkExtents; list = list[ChunkExtents:] {
		full = append(full, newChunk(list[:ChunkExtents]))
	}
	if i == 0 {
		x.skip = 0 // what was released before is not in the list
	}
	x.full, x.tail = full, withRoom(list)
}
