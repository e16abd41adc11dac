package cache

import (
	"sort"

	"github.com/millrace-io/millrace/internal/base/piece"
)

// View is a hold on bytes of an extent. It is of one goroutine, and must be released.
type View struct {
	c        *Cache
	x        Extent
	from, to int64 // in the extent
	short    bool  // it should reach further: the file in the bucket is cut short
	first    *span
	rest     []*span
	index    *index // nil: the extent is settled
	ahead    *ahead // nil: nothing was looked at that had to be read
	strip    *Strip // nil: what is read is read by itself
}

func (v *View) add(s *span) {
	if v.first == nil {
		v.first = s
		return
	}
	v.rest = append(v.rest, s)
}

func (v *View) spans() int { return 1 + len(v.rest) }

func (v *View) span(i int) *span {
	if i == 0 {
		return v.first
	}
	return v.rest[i-1]
}

// Release lets the bytes go. What was taken from the View must not be used any more.
func (v *View) Release() {
	v.tidy()
	if v.first == nil {
		return
	}
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	v.shorten()
	for i := range v.spans() {
		v.c.letGo(v.span(i))
	}
	v.first, v.rest = nil, nil
}

// Discard has the View's bytes read from the bucket when they are needed next, and looked at as if for the first time: they are not what
// they were when they were checked. The View must be released all the same.
func (v *View) Discard() { v.c.discard(v) }

// discard releases the View and has its bytes read from the bucket when they are needed next: they are damaged.
func (v *View) discard() {
	v.c.discard(v)
	v.Release()
}

// trim cuts the View to what its loaded spans hold without a gap. False: nothing is left.
func (v *View) trim() bool {
	from, end := int64(v.x.Pos)+v.from, int64(v.x.Pos)+v.to
	at, n := from, 0
	for ; n < v.spans() && v.span(n).from <= at && at < end; n++ {
		at = max(at, v.span(n).to)
	}
	if at < end {
		v.to, v.short = at-int64(v.x.Pos), true
	}
	return at > from
}

func (c *Cache) discard(v *View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.damaged.Add(1)
	for i := range v.spans() {
		c.remove(v.span(i))
	}
}

// Run is a row of whole, sound batches.
type Run struct {
	marks marks                 // nil: they are in short
	short [settledMost + 1]mark // of a settled extent
	n     int                   // of marks in short
	base  int64
	asIs  asIs   // of the run
	need  uint32 // nothing was found, because the View ends too early: it has to reach here
}

// Len is the number of batches.
func (r *Run) Len() int { return max(0, len(r.marks)-1, r.n-1) }

func (r *Run) mark(i int) mark {
	if r.marks == nil {
		return r.short[i]
	}
	return r.marks[i]
}

// At gives batch i: the offset of its first record, its place in the extent, and its size in bytes.
func (r *Run) At(i int) (offset int64, pos, size uint32) {
	return r.Offset(i), r.Pos(i), r.Pos(i+1) - r.Pos(i)
}

// AsIs gives the number of batches, from the first on, that are to be sent as they lie to who is told that leader epoch: of the others
// base offset and leader epoch are to be written anew.
func (r *Run) AsIs(epoch int32) int {
	if r.asIs.epoch != epoch {
		return 0
	}
	return r.asIs.batches
}

// Within gives how many batches from i on, of those before batch end, come to most bytes at most.
func (r *Run) Within(i, end int, most int64) int {
	return sort.Search(end-i, func(n int) bool { return int64(r.Pos(i+n+1)-r.Pos(i)) > most })
}

// Pos is the place of batch i in the extent; with i = Len, where the last one ends.
func (r *Run) Pos(i int) uint32 { return r.mark(i).pos }

// Offset is that of batch i's first record; with i = Len, the one after the last batch.
func (r *Run) Offset(i int) int64 { return r.base + int64(r.mark(i).delta) }

// End is the offset after the last batch.
func (r *Run) End() int64 { return r.Offset(r.Len()) }

// End is where the View ends in the extent.
func (v *View) End() uint32 { return uint32(v.to) }

// isKnown reports whether all batches of the View were looked at before.
func (v *View) isKnown() bool {
	return v.index == nil || int64(v.index.known.Load().marks.end().pos) >= v.to
}

// batches gives the batches of the View from the one that holds offset on. Damage is an error, unless sound batches come before
// it; sure says that the View's bytes were damaged and are read from the bucket for the second time.
func (v *View) batches(offset int64, sure bool) (Run, error) {
	defer v.tidy()
	delta := uint32(offset - v.x.Base)
	k, need, err := v.index.known.Load(), uint32(0), error(nil)
	if int64(k.marks.end().pos) < v.to {
		k, need, err = v.index.extend(v, sure)
	}
	end := k.marks.end()
	switch {
	case delta < end.delta:
		i := k.marks.find(delta)
		row, err := k.from(i, v.to)
		if err == nil && len(row) == 1 {
			return Run{need: k.marks[i+1].pos}, nil
		}
		return Run{marks: row, base: v.x.Base, asIs: k.asIs.from(i, len(row)-1)}, err
	case err != nil:
		return Run{}, err
	case need == 0:
		return Run{}, v.damaged(int64(end.pos), int64(v.x.Len), "its batches do not reach offset %d", offset)
	}
	return Run{need: need}, nil
}

// Bytes gives bytes of the extent that lie in the View: by reference if they lie in one piece in memory, as a copy if not. They
// must not be changed, and may be used up to the next call of Bytes or Release. Only with an open file it may fail.
func (v *View) Bytes(pos, n uint32) ([]byte, error) {
	at := int64(v.x.Pos) + int64(pos)
	s := v.first
	switch {
	case s.open != nil:
		return v.read(at, int64(n))
	case at >= s.from && at+int64(n) <= s.to:
		return s.data[at-s.from : at-s.from+int64(n) : at-s.from+int64(n)], nil
	}
	pieces := v.Append(nil, pos, n)
	if len(pieces) == 1 {
		return pieces[0].Bytes()
	}
	return pieces.Copy()
}

// Fill copies bytes of the extent from pos on into b. Only with an open file it may fail.
func (v *View) Fill(b []byte, pos uint32) error {
	if v.first.open != nil {
		at := int64(v.x.Pos) + int64(pos)
		if there, ok := v.strip.bytes(v, at, int64(len(b))); ok {
			copy(b, there)
			return nil
		}
		return v.readExactly(b, at)
	}
	from := int64(v.x.Pos) + int64(pos)
	for i := 0; i <= len(v.rest) && len(b) > 0; i++ {
		if s := v.span(i); from < s.to {
			n := copy(b, s.data[from-s.from:])
			b, from = b[n:], from+int64(n)
		}
	}
	return nil
}

// Append adds bytes of the extent to a list, by reference. They are there until the View is released.
func (v *View) Append(out piece.List, pos, n uint32) piece.List {
	if v.first.open != nil {
		return append(out, piece.In(v.first.open, int64(v.x.Pos)+int64(pos), int(n)))
	}
	from := int64(v.x.Pos) + int64(pos)
	to := from + int64(n)
	for i := 0; i <= len(v.rest) && from < to; i++ {
		s := v.span(i)
		if from >= s.to {
			continue
		}
		end := min(to, s.to)
		out = append(out, piece.Of(s.data[from-s.from:end-s.from:end-s.from]))
		from = end
	}
	return out
}
