package cache

import (
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// span is a range of a file. All but data and open is guarded by the cache's mu; these are set before ready is, and do not change
// while the span is held.
type span struct {
	file       *file
	from, to   int64 // in the file
	data       []byte
	open       objstore.File         // in place of data, of a span that is a whole file
	openCost   int64                 // 0 if that is not to be
	used       int                   // an open file that nobody holds: the round of closeIdle in which it was last
	ready      *env.Future[struct{}] // nil: it was there from the start
	listed     bool                  // it is among the file's spans
	holders    int                   // readers, and the GET that fills it
	prev, next *span                 // in the list of those that may go; nil if held
}

// cost is what a span counts against the budget.
func (s *span) cost() int64 {
	if s.openCost > 0 {
		return s.openCost
	}
	return (s.to - s.from) + (s.to-s.from)>>overheadShift
}

// isThere reports whether the span was loaded.
func (s *span) isThere() bool { return s.data != nil || s.open != nil }

func (s *span) unlink() {
	if s.next != nil {
		s.next.prev, s.prev.next = s.prev, s.next
		s.next, s.prev = nil, nil
	}
}

// file is what there is of one file.
type file struct {
	ref     base.FileRef
	spans   []*span           // sorted, without overlap
	indexes map[uint32]*index // of extents, by their place
	settled map[uint32]settled
}

// opened gives the span of a file that is open; nil if it is not. f may be nil.
func (f *file) opened() *span {
	if f == nil || len(f.spans) != 1 || f.spans[0].open == nil {
		return nil
	}
	return f.spans[0]
}

// at gives the place of the first span that ends after pos.
func (f *file) at(pos int64) int {
	i, _ := slices.BinarySearchFunc(f.spans, pos, func(s *span, pos int64) int {
		if s.to <= pos {
			return -1
		}
		return 1
	})
	return i
}

// covers reports whether the byte at pos is in a span. f may be nil.
func (f *file) covers(pos int64) bool {
	if f == nil {
		return false
	}
	i := f.at(pos)
	return i < len(f.spans) && f.spans[i].from <= pos
}

// remove takes s out, and the indexes of extents that lie in it.
func (f *file) remove(s *span) {
	if i := f.at(s.from); i < len(f.spans) && f.spans[i] == s {
		f.spans = slices.Delete(f.spans, i, i+1)
	}
	if len(f.spans) == 0 {
		f.indexes, f.settled = nil, nil
		return
	}
	for pos, x := range f.indexes {
		if int64(pos) < s.to && int64(pos)+int64(x.len) > s.from {
			delete(f.indexes, pos)
		}
	}
	for pos, x := range f.settled {
		if int64(pos) < s.to && int64(pos)+int64(x.len) > s.from {
			delete(f.settled, pos)
		}
	}
}

// gap is a range that no span covers; opened: that of a whole file, which is to be opened.
type gap struct {
	from, to int64
	opened   bool
}

// gaps gives what is missing of [from, to) in a file of size bytes, in order: widened to whole blocks, as far as
// neighbouring spans and the file's size allow, and cut to what one GET reads. f may be nil.
func (f *file) gaps(from, to, size int64) (missing []gap) {
	var spans []*span
	if f != nil {
		spans = f.spans[f.at(from):]
	}
	// What lies before from and is not missing bounds the first gap.
	floor := int64(0)
	if f != nil && len(spans) < len(f.spans) {
		floor = f.spans[len(f.spans)-len(spans)-1].to
	}
	for to = min(to, size); from < to; {
		ceiling := size
		if len(spans) > 0 {
			ceiling = spans[0].from
		}
		if from < ceiling {
			g := gap{from: max(floor, from/blockBytes*blockBytes), to: min(ceiling, (to+blockBytes-1)/blockBytes*blockBytes)}
			for from = g.to; g.from < g.to; g.from += getBytesMax {
				missing = append(missing, gap{from: g.from, to: min(g.to, g.from+getBytesMax)})
			}
			continue
		}
		floor = spans[0].to
		from = max(from, floor)
		spans = spans[1:]
	}
	return missing
}
