package env

import (
	"fmt"
	"sync"
	"time"
)

// Semaphore is a budget of units (bytes, slots) that are acquired before use. It is fair: who asked first is served
// first, and a small request does not overtake a large one that waits.
type Semaphore struct {
	env   Env
	mu    sync.Mutex
	size  int64
	free  int64 // 0 to size
	queue []*claim
}

// claim is one waiting Acquire.
type claim struct {
	n       int64
	granted bool
	cond    Cond
}

// NewSemaphore makes a budget of size units, all free.
func NewSemaphore(e Env, size int64) *Semaphore { return &Semaphore{env: e, size: size, free: size} }

// Acquire takes n units, waiting until they are free. It fails with ErrDeadline, and then has taken none. n is 0 to
// Size: more could never be granted, and panics.
func (s *Semaphore) Acquire(n int64, deadline time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.take(n) {
		return nil
	}
	c := &claim{n: n, cond: s.env.NewCond(&s.mu)}
	s.queue = append(s.queue, c)
	for !c.granted {
		if !c.cond.Wait(deadline) && !c.granted {
			s.abandon(c)
			return ErrDeadline
		}
	}
	return nil
}

// TryAcquire takes n units if they are free and nobody waits, and reports whether it did.
func (s *Semaphore) TryAcquire(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take(n)
}

// Release gives back n units that were acquired.
func (s *Semaphore) Release(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free += n; n < 0 || s.free > s.size {
		panic(fmt.Sprintf("env.Semaphore: released %d units, now %d of %d are free", n, s.free, s.size))
	}
	s.grant()
}

// Size is the whole budget.
func (s *Semaphore) Size() int64 { return s.size }

// Free is the number of free units at this moment.
func (s *Semaphore) Free() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free
}

// Waiting is the number of Acquire calls that wait at this moment.
func (s *Semaphore) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

func (s *Semaphore) take(n int64) bool {
	if n < 0 || n > s.size {
		panic(fmt.Sprintf("env.Semaphore: asked for %d units of a budget of %d", n, s.size))
	}
	if len(s.queue) > 0 || n > s.free {
		return false
	}
	s.free -= n
	return true
}

// grant serves the claims that now fit, in order.
func (s *Semaphore) grant() {
	for len(s.queue) > 0 && s.queue[0].n <= s.free {
		c := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.free -= c.n
		c.granted = true
		c.cond.Signal()
	}
}

// abandon takes a claim out of the queue. It may have held up smaller ones behind it.
func (s *Semaphore) abandon(c *claim) {
	for i, other := range s.queue {
		if other == c {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			break
		}
	}
	s.grant()
}

// Mutex is a lock that, unlike a sync.Mutex, may be held across waits. It is fair, and not reentrant.
type Mutex struct{ s Semaphore }

// NewMutex makes an unlocked Mutex.
func NewMutex(e Env) *Mutex { return &Mutex{s: Semaphore{env: e, size: 1, free: 1}} }

// Lock waits for the lock.
func (m *Mutex) Lock() { _ = m.s.Acquire(1, time.Time{}) } // without a deadline it cannot fail

// LockBy waits for the lock until deadline, and reports whether it has it.
func (m *Mutex) LockBy(deadline time.Time) bool { return m.s.Acquire(1, deadline) == nil }

// TryLock takes the lock if it is free, and reports whether it did.
func (m *Mutex) TryLock() bool { return m.s.TryAcquire(1) }

// Unlock gives the lock to the one who has waited longest. It panics if the lock is not held.
func (m *Mutex) Unlock() { m.s.Release(1) }
