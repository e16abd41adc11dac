package broker

import (
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
)

const (
	// spareShare: a spare has an eighth of a budget at most, so that a large one does not take the place of many.
	spareShare = 8
	// keptMax bounds the pieces that are kept, at all of which a taker looks: more than one entry of the journal answers at once.
	keptMax = 512
	// keepFor is how long memory is kept that nobody takes.
	keepFor = 5 * time.Second
	// roomShare: room is made for an eighth more than asked for, at most, so that later frames of about the size fit.
	roomShare = 8
)

// Rooms gives memory and takes it back (package offheap).
type Rooms interface {
	Take(bytes int) []byte
	Give(room []byte) // which nobody looks at any more
}

// heap is Rooms of Go's heap.
type heap struct{}

func (heap) Take(bytes int) []byte { return make([]byte, bytes) }
func (heap) Give([]byte)           {}

// memory is a budget of bytes. What is spent of them is kept, to be used again: to clear new memory and to have the kernel bring
// its pages takes as long as to copy what is to be in it. What is kept is none of what is reserved; both together stay within
// the budget.
type memory struct {
	*env.Semaphore
	env   env.Env
	rooms Rooms
	kept  *spares
}

func newMemory(e env.Env, bytes int64, rooms Rooms) memory {
	return memory{Semaphore: env.NewSemaphore(e, bytes), env: e, rooms: rooms, kept: &spares{}}
}

// held is what is reserved at this moment, in bytes.
func (m *memory) held() int64 { return m.Size() - m.Free() }

// exactly reserves a frame of that size, which is new, and of Go's heap.
func (m *memory) exactly(size int) *frame {
	_ = m.Acquire(int64(size), time.Time{}) // without a deadline it cannot fail
	m.shrink()
	room := make([]byte, size)
	return &frame{bytes: room, room: room, of: m}
}

// atLeast reserves a frame of that size and somewhat more, in memory that was used before if there is some. It is to be spent: what is only
// released of the system's memory is lost.
func (m *memory) atLeast(size int) *frame {
	most := int(m.Size() / spareShare)
	if size > most { // larger than a spare may be
		return m.exactly(size)
	}
	room := min(roomFor(size), most)
	_ = m.Acquire(int64(room), time.Time{})
	kept := m.kept.take(room, func(more int) bool { return more == 0 || m.TryAcquire(int64(more)) })
	if kept == nil {
		m.shrink()
		kept = m.rooms.Take(room)
	}
	return &frame{bytes: kept[:size:size], room: kept, of: m, kept: true}
}

// keep takes memory that is about to be released, so that it is there for who waits for the budget.
func (m *memory) keep(room []byte) {
	m.give(m.kept.put(room, m.env.Now(), func() int64 { return m.keeps() + int64(len(room)) }))
}

// keeps is how many bytes may be kept now: all that is not reserved, as a busy agent soon has it again. (With half of the budget at most a third more
// pages had to be brought, at 100 partitions; with an eighth half of the memory was new where clients sent 10 MB at a time.)
func (m *memory) keeps() int64 { return m.Free() }

// shrink lets go of what is more than may be kept.
func (m *memory) shrink() { m.give(m.kept.shrink(m.keeps)) }

// expire lets go of what has waited for keepFor.
func (m *memory) expire() { m.give(m.kept.expire(m.env.Now())) }

func (m *memory) give(gone []spare) {
	for _, s := range gone {
		m.rooms.Give(s.room)
	}
}

// roomFor rounds a size up to an eighth of the power of two below it.
func roomFor(size int) int {
	step := max(1, 1<<(bits.Len(uint(size))-1)/roomShare)
	return (size + step - 1) / step * step
}

// spares is memory that waits to be used again. What was in it still is.
type spares struct {
	mu    sync.Mutex
	list  []spare // the one that has waited longest first
	bytes int64   // of all
}

type spare struct {
	room  []byte
	since time.Time
}

// take gives the smallest spare of that size up to twice as much: of equals the last that came, whose bytes are likeliest to be in
// the processor's caches. nil: there is none, or grant, which is asked for how much it is too large, says no.
func (s *spares) take(size int, grant func(more int) bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, least := -1, 2*size
	for i := range s.list {
		if n := len(s.list[i].room); n >= size && n <= least {
			best, least = i, n
		}
	}
	if best < 0 || !grant(least-size) {
		return nil
	}
	room := s.list[best].room
	s.list = slices.Delete(s.list, best, best+1)
	s.bytes -= int64(least)
	return room
}

// put keeps a spare, and gives those that are let go of for it. most gives how many bytes all may have.
func (s *spares) put(room []byte, now time.Time, most func() int64) (gone []spare) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := most()
	if int64(len(room)) > limit {
		return []spare{{room, now}}
	}
	s.list = append(s.list, spare{room, now})
	s.bytes += int64(len(room))
	return s.drop(func(_ spare, left int) bool { return s.bytes > limit || left > keptMax })
}

// shrink gives what is more than all may have.
func (s *spares) shrink(most func() int64) (gone []spare) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := most()
	return s.drop(func(spare, int) bool { return s.bytes > limit })
}

// expire gives what has waited for keepFor.
func (s *spares) expire(now time.Time) (gone []spare) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(func(first spare, _ int) bool { return now.Sub(first.since) >= keepFor })
}

// drop gives those that have waited longest, as long as too says so of the first of what is left. s.mu is held.
func (s *spares) drop(too func(first spare, left int) bool) (gone []spare) {
	n := 0
	for ; n < len(s.list) && too(s.list[n], len(s.list)-n); n++ {
		s.bytes -= int64(len(s.list[n].room))
	}
	gone = slices.Clone(s.list[:n])
	s.list = slices.Delete(s.list, 0, n)
	return gone
}
