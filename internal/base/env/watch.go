package env

import (
	"sync"
	"time"
)

// Watch is a version number that can be waited upon: "something changed since I looked". It starts at 0.
type Watch struct {
	mu      sync.Mutex
	cond    Cond
	version uint64
}

// NewWatch makes a Watch at version 0.
func NewWatch(e Env) *Watch {
	w := &Watch{}
	w.cond = e.NewCond(&w.mu)
	return w
}

// Version is the version at this moment.
func (w *Watch) Version() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version
}

// Bump raises the version by one and wakes all who wait.
func (w *Watch) Bump() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	w.cond.Broadcast()
}

// Raise lifts the version to v, if it is lower, and wakes all who wait.
func (w *Watch) Raise(v uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v > w.version {
		w.version = v
		w.cond.Broadcast()
	}
}

// Wait waits until the version is above seen, and returns it. If deadline passed first, what it returns is not above
// seen.
func (w *Watch) Wait(seen uint64, deadline time.Time) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.version <= seen {
		if !w.cond.Wait(deadline) {
			break
		}
	}
	return w.version
}
