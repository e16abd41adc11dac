package cache

// settled is what is known of a short extent all of whose batches are sound. Where there are many partitions nearly all
// extents are short, and a file has one of each: so it has no pointers, and takes little more than its fields.
type settled struct {
	base       int64
	len, count uint32
	second     mark // where the second batch begins; zero: there is one
	epoch      int32
	asIs       uint8 // batches
}

// settledMost is the most batches of a short extent.
const settledMost = 2

// What an extent takes beside its marks, as it is counted for an open file: an index with what hangs on it, or its place in a
// map of settled ones.
const (
	indexBytes   = 224
	settledBytes = 72 // a slot of 41 bytes in a map that is between half and all full
)

// settledOf gives the short form of k, which is all that is known of an extent; false if there is none.
func (k *known) settledOf(x *Extent) (settled, bool) {
	n := len(k.marks) - 1
	if n < 1 || n > settledMost || len(k.bad) > 0 || k.rest != nil || k.marks.end() != (mark{x.Len, x.Count}) {
		return settled{}, false
	}
	s := settled{base: x.Base, len: x.Len, count: x.Count, epoch: k.asIs.epoch, asIs: uint8(k.asIs.batches)}
	if n == settledMost {
		s.second = k.marks[1]
	}
	return s, true
}

// is reports whether s speaks of that very extent: the last one of a log may have grown since.
func (s *settled) is(x *Extent) bool { return s.base == x.Base && s.len == x.Len && s.count == x.Count }

// marks lays the marks out in room.
func (s *settled) marks(room *[settledMost + 1]mark) marks {
	if s.second == (mark{}) {
		*room = [settledMost + 1]mark{1: {s.len, s.count}}
		return room[:2:2]
	}
	*room = [settledMost + 1]mark{1: s.second, 2: {s.len, s.count}}
	return room[:]
}

// index gives the long form in one piece of memory.
func (s *settled) index() *index {
	i := &struct {
		index
		known known
		room  [settledMost + 1]mark
	}{index: index{base: s.base, len: s.len}}
	i.known = known{marks: s.marks(&i.room), asIs: asIs{int(s.asIs), s.epoch}}
	i.index.known.Store(&i.known)
	return &i.index
}

// ready holds the bytes of r, and gives its batches, where the extent is settled and lies in an open file: in a short way, as that is how
// most extents are read where there are many.
func (c *Cache) ready(r *Read) (v View, run Run, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[r.File]
	span, delta := f.opened(), r.Offset-r.Base
	if span == nil || f.indexes[r.Pos] != nil {
		return v, run, false
	}
	s, known := f.settled[r.Pos]
	if !known || !s.is(&r.Extent) || delta < 0 || delta >= int64(r.Count) || int64(r.Pos)+int64(r.Len) > span.to {
		return v, run, false
	}
	var room [settledMost + 1]mark
	marks := s.marks(&room)
	i := marks.find(uint32(delta))
	run.base, run.n = s.base, copy(run.short[:], marks[i:])
	run.asIs = asIs{int(s.asIs), s.epoch}.from(i, run.n-1)
	c.hold(span)
	return View{c: c, x: r.Extent, from: int64(marks[i].pos), to: int64(r.Len), first: span, strip: r.strip}, run, true
}

// marksOf gives what is known of where the batches of an extent begin, in room if it is settled.
func (f *file) marksOf(x *Extent, room *[settledMost + 1]mark) marks {
	if f != nil {
		if i := f.indexes[x.Pos]; i != nil && i.base == x.Base {
			return i.known.Load().marks
		}
		if s, ok := f.settled[x.Pos]; ok && s.is(x) {
			return s.marks(room)
		}
	}
	room[0] = mark{}
	return room[:1]
}

// index gives the index of an extent, and whether it is a new one.
func (f *file) index(x *Extent) (i *index, made bool) {
	if i := f.indexes[x.Pos]; i != nil && i.base == x.Base {
		i.len = max(i.len, x.Len) // the last extent of a log grows
		return i, false
	}
	s, ok := f.settled[x.Pos]
	switch {
	case ok && s.is(x):
		return s.index(), false
	case ok && s.base == x.Base && s.len < x.Len:
		i = s.index()
		i.len = x.Len
	default:
		i = newIndex(x)
	}
	if f.indexes == nil {
		f.indexes = map[uint32]*index{}
	}
	f.indexes[x.Pos] = i
	return i, true
}

// shorten brings the index of the View's extent into the short form, if it has one; c.mu is held.
func (v *View) shorten() {
	f := v.first.file
	if v.index == nil || !v.first.listed || f.indexes[v.x.Pos] != v.index || v.index.len != v.x.Len { // who knows a longer extent may add to it
		return
	}
	k := v.index.known.Load()
	s, ok := k.settledOf(&v.x)
	if !ok {
		return
	}
	if f.settled == nil {
		f.settled = map[uint32]settled{}
	}
	more := settledBytes
	if _, there := f.settled[v.x.Pos]; there { // of what was shorter
		more = 0
	}
	f.settled[v.x.Pos] = s
	delete(f.indexes, v.x.Pos)
	v.c.charge(v.first, more-indexBytes-markBytes*(len(k.marks)-1))
}
