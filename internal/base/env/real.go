package env

import (
	"context"
	"math/rand/v2"
	"net"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// Real gives the Env over the Go runtime and the operating system. It has no state: all are alike.
func Real() Env { return real{} }

type real struct{}

func (real) Now() time.Time              { return time.Now() }
func (real) Uint64() uint64              { return rand.Uint64() }
func (real) Sleep(d time.Duration)       { time.Sleep(d) }
func (real) NewCond(mu *sync.Mutex) Cond { return &realCond{mu: mu} }

// Go labels the goroutine with its name, so that profiles and stack dumps show it.
func (real) Go(name string, f func()) {
	go pprof.Do(context.Background(), pprof.Labels("task", name), func(context.Context) { f() })
}

func (real) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(parent, d)
}

func (real) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

func (real) Dial(addr string, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", addr, timeout)
}

// realCond is a sync.Cond with deadlines: a list of waiters, first come first served.
type realCond struct {
	mu      *sync.Mutex  // the caller's
	waiting atomic.Int32 // length of the list; lets Signal without waiters cost one load
	listMu  sync.Mutex
	head    *waiter
	tail    *waiter
}

// waiter is one parked goroutine. It is pooled: at rest its channel is empty and its timer stopped.
type waiter struct {
	wake       chan struct{} // capacity 1, so that waking never blocks
	timer      *time.Timer   // nil until first needed
	prev, next *waiter
	queued     bool
}

var waiters = sync.Pool{New: func() any { return &waiter{wake: make(chan struct{}, 1)} }}

func (c *realCond) Wait(deadline time.Time) bool {
	var left time.Duration
	if !deadline.IsZero() {
		if left = time.Until(deadline); left <= 0 {
			return false
		}
	}
	w := waiters.Get().(*waiter)
	c.enqueue(w)
	c.mu.Unlock()
	woken := true
	if deadline.IsZero() {
		<-w.wake
	} else {
		woken = c.waitFor(w, left)
	}
	waiters.Put(w)
	c.mu.Lock()
	return woken
}

func (c *realCond) waitFor(w *waiter, left time.Duration) bool {
	if w.timer == nil {
		w.timer = time.NewTimer(left)
	} else {
		w.timer.Reset(left)
	}
	// Since Go 1.23 a stopped or reset timer holds no stale tick.
	defer w.timer.Stop()
	select {
	case <-w.wake:
		return true
	case <-w.timer.C:
		if c.withdraw(w) {
			return false
		}
		// A Signal chose this waiter as its time ran out. It must count, or the wake-up would be lost to the others.
		<-w.wake
		return true
	}
}

func (c *realCond) Signal() {
	if c.waiting.Load() == 0 {
		return
	}
	c.listMu.Lock()
	defer c.listMu.Unlock()
	if w := c.head; w != nil {
		c.unlink(w)
		w.wake <- struct{}{}
	}
}

func (c *realCond) Broadcast() {
	if c.waiting.Load() == 0 {
		return
	}
	c.listMu.Lock()
	defer c.listMu.Unlock()
	for w := c.head; w != nil; w = c.head {
		c.unlink(w)
		w.wake <- struct{}{}
	}
}

func (c *realCond) enqueue(w *waiter) {
	c.listMu.Lock()
	defer c.listMu.Unlock()
	w.prev, w.queued = c.tail, true
	if c.tail == nil {
		c.head = w
	} else {
		c.tail.next = w
	}
	c.tail = w
	c.waiting.Add(1)
}

// withdraw takes w off the list. It reports false when somebody has woken w already.
func (c *realCond) withdraw(w *waiter) bool {
	c.listMu.Lock()
	defer c.listMu.Unlock()
	if !w.queued {
		return false
	}
	c.unlink(w)
	return true
}

func (c *realCond) unlink(w *waiter) {
	if w.prev == nil {
		c.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		c.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	c.waiting.Add(-1)
}
