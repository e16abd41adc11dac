package cache

import (
	"sync"

	"github.com/millrace-io/millrace/internal/base"
)

// Where there are many partitions, a file has little of each, and a reader of many of them wants what lies side by side: that is read at
// once, where each by itself would cost a system call.
const (
	// stripBytes is what is read at once: it stays in a core's own cache.
	stripBytes = 128 << 10
	// stripsMax bounds the files of which an answer has strips: the first ones that it comes to.
	stripsMax = 16
	// stripGap is what may lie unread between two ranges that are read at once: to copy it takes less than a system call.
	stripGap = 4 << 10
	// stripShare: of a cache that opens files strips have a sixteenth of the budget, and spans the rest. Nobody waits for that: who gets
	// none reads by himself. (Strips that took what spans could have made readers wait for each other.)
	stripShare = 16
)

// Strips are an answer's. They are of one goroutine, and to be closed.
type Strips struct {
	c       *Cache
	strip   [stripsMax]Strip
	n       int // in use
	taken   int64
	expects expecting
}

// Strip is what is to be read of one open file, and a part of that which was.
type Strip struct {
	of     *Strips
	file   base.FileRef
	span   *span     // of which buf was read
	ranges []stretch // as they will be asked for
	next   int       // of them: the one that was asked for last
	from   int64     // of buf, in the file
	buf    []byte
	room   *[stripBytes]byte // nil: none yet
}

// stretch is a range of a file.
type stretch struct{ from, to int64 }

var stripRooms = sync.Pool{New: func() any { return new([stripBytes]byte) }}

var allStrips = sync.Pool{New: func() any { return new(Strips) }}

// Strips has extents of less than below bytes, in files that are to be opened, read at once where they lie side by side in a file and in
// reads; and it has files told of all that reads want of them (expect.go). Reads are to be asked for in their order; some may be left out, as
// those without bytes are to be.
func (c *Cache) Strips(reads []Read, below uint32) *Strips {
	if c.from.Opener == nil || len(reads) == 0 {
		return nil
	}
	s := allStrips.Get().(*Strips)
	s.c, s.expects.reads = c, reads
	at := 0
	for i := range reads {
		r := &reads[i]
		if r.expects, r.place = &s.expects, int32(i); r.Len < below && r.Len > 0 && r.Slot == 0 {
			if at = s.of(r.File, at); at < stripsMax {
				r.strip = s.strip[at].add(&r.Extent)
			}
		}
	}
	return s
}

// of gives the strip of a file, which is likely near the one that was asked for last: stripsMax if there is none to be had.
func (s *Strips) of(file base.FileRef, last int) int {
	for i := range s.n {
		if at := (last + i) % s.n; s.strip[at].file == file {
			return at
		}
	}
	if s.n == stripsMax {
		return stripsMax
	}
	strip := &s.strip[s.n]
	*strip = Strip{of: s, file: file, ranges: strip.ranges[:0]}
	s.n++
	return s.n - 1
}

func (s *Strip) add(x *Extent) *Strip {
	s.ranges = append(s.ranges, stretch{int64(x.Pos), int64(x.Pos) + int64(x.Len)})
	return s
}

// Close gives the memory back. s may be nil.
func (s *Strips) Close() {
	if s == nil {
		return
	}
	for i := range s.n {
		if room := s.strip[i].room; room != nil {
			s.strip[i].span, s.strip[i].buf, s.strip[i].room = nil, nil, nil
			stripRooms.Put(room)
		}
	}
	if s.taken > 0 {
		s.c.lend(-s.taken)
	}
	s.expects.forget()
	s.c, s.n, s.taken = nil, 0, 0
	allStrips.Put(s)
}

// lend gives n more bytes to strips; fewer if n is negative. false: they may have no more.
func (c *Cache) lend(n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lent+n > c.lends {
		return false
	}
	c.lent += n
	return true
}

// bytes gives n bytes of v's file from at on, if they are to be read with others, up to the next call. false: whoever wants them reads them
// himself, and learns what is wrong with the file if anything is.
func (s *Strip) bytes(v *View, at, n int64) ([]byte, bool) {
	if s == nil {
		return nil, false
	}
	if v.first != s.span || at < s.from || at+n > s.from+int64(len(s.buf)) {
		end, several := s.reach(at)
		if !several || at+n > end {
			return nil, false
		}
		if s.room == nil && !s.take() {
			return nil, false
		}
		s.span, s.from, s.buf = v.first, at, s.room[:end-at]
		if v.readExactly(s.buf, at) != nil {
			s.buf = nil
			return nil, false
		}
	}
	return s.buf[at-s.from:][:n:n], true
}

// take has the strip have memory, if there is some.
func (s *Strip) take() bool {
	if !s.of.c.lend(stripBytes) {
		return false
	}
	s.room = stripRooms.Get().(*[stripBytes]byte)
	s.of.taken += stripBytes
	return true
}

// drop has what was read be read anew. s may be nil.
func (s *Strip) drop() {
	if s != nil {
		s.buf = nil
	}
}

// reach gives where a read from at on should end, and whether it is of more than one range.
func (s *Strip) reach(at int64) (end int64, several bool) {
	for s.next < len(s.ranges) && !s.ranges[s.next].holds(at) {
		s.next++
	}
	if s.next == len(s.ranges) {
		return 0, false
	}
	i := s.next
	for end = s.ranges[i].to; i+1 < len(s.ranges) && s.ranges[i+1].follows(end) && s.ranges[i+1].to-at <= stripBytes; i++ {
		end = s.ranges[i+1].to
	}
	return end, i > s.next
}

func (r stretch) holds(at int64) bool { return r.from <= at && at < r.to }

// follows reports whether r is to be read together with what ends there.
func (r stretch) follows(end int64) bool { return r.from >= end && r.from-end <= stripGap }
