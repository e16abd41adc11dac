package env

import (
	"sync"
	"time"
)

// Queue is a bounded first-in first-out queue for any number of pushers and poppers.
type Queue[T any] struct {
	mu       sync.Mutex
	notEmpty Cond
	notFull  Cond
	ring     []T // grows up to limit
	first    int // index of the oldest item
	count    int
	limit    int
	closed   bool
}

// NewQueue makes a queue that holds at most limit items; limit is at least 1.
func NewQueue[T any](e Env, limit int) *Queue[T] {
	if limit < 1 {
		panic("env.NewQueue: the limit must be at least 1")
	}
	q := &Queue[T]{limit: limit}
	q.notEmpty, q.notFull = e.NewCond(&q.mu), e.NewCond(&q.mu)
	return q
}

// Push appends v, waiting for room. It fails with ErrDeadline or ErrClosed, and then has not appended v.
func (q *Queue[T]) Push(v T, deadline time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.count == q.limit && !q.closed {
		if !q.notFull.Wait(deadline) && q.count == q.limit && !q.closed {
			return ErrDeadline
		}
	}
	if q.closed {
		return ErrClosed
	}
	q.append(v)
	return nil
}

// TryPush appends v if there is room and the queue is open, and reports whether it did.
func (q *Queue[T]) TryPush(v T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.count == q.limit {
		return false
	}
	q.append(v)
	return true
}

// Pop takes the oldest item, waiting for one. It fails with ErrDeadline, or with ErrClosed once the queue is closed
// and empty.
func (q *Queue[T]) Pop(deadline time.Time) (T, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.awaitItem(deadline); err != nil {
		var none T
		return none, err
	}
	return q.take(), nil
}

// TryPop takes the oldest item if there is one.
func (q *Queue[T]) TryPop() (T, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		var none T
		return none, false
	}
	return q.take(), true
}

// PopAll waits for an item as Pop does, then appends all there are to into.
func (q *Queue[T]) PopAll(into []T, deadline time.Time) ([]T, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.awaitItem(deadline); err != nil {
		return into, err
	}
	for q.count > 0 {
		into = append(into, q.take())
	}
	return into, nil
}

// Len is the number of items at this moment.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// Close ends the queue: pushing fails from now on, also for those who wait; what is inside can still be popped.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.notEmpty.Broadcast()
	q.notFull.Broadcast()
}

func (q *Queue[T]) awaitItem(deadline time.Time) error {
	for q.count == 0 {
		if q.closed {
			return ErrClosed
		}
		if !q.notEmpty.Wait(deadline) && q.count == 0 && !q.closed {
			return ErrDeadline
		}
	}
	return nil
}

func (q *Queue[T]) append(v T) {
	if q.count == len(q.ring) {
		q.grow()
	}
	q.ring[(q.first+q.count)%len(q.ring)] = v
	q.count++
	q.notEmpty.Signal()
}

func (q *Queue[T]) take() T {
	var none T
	v := q.ring[q.first]
	q.ring[q.first] = none
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	q.notFull.Signal()
	return v
}

func (q *Queue[T]) grow() {
	ring := make([]T, min(q.limit, max(8, 2*len(q.ring))))
	n := copy(ring, q.ring[q.first:])
	copy(ring[n:], q.ring[:q.first])
	q.ring, q.first = ring, 0
}
