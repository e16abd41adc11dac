package env

import (
	"context"
	"sync"
	"time"
)

// Group is a set of goroutines that can be awaited together.
type Group struct {
	env     Env
	mu      sync.Mutex
	idle    Cond
	running int
}

// NewGroup makes an empty Group.
func NewGroup(e Env) *Group {
	g := &Group{env: e}
	g.idle = e.NewCond(&g.mu)
	return g
}

// Go runs f concurrently, as Env.Go does.
func (g *Group) Go(name string, f func()) {
	g.add(1)
	g.env.Go(name, func() {
		defer g.add(-1)
		f()
	})
}

// Wait waits until none of the goroutines runs, and reports false if deadline passed first.
func (g *Group) Wait(deadline time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.running > 0 {
		if !g.idle.Wait(deadline) && g.running > 0 {
			return false
		}
	}
	return true
}

func (g *Group) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running += n; g.running == 0 {
		g.idle.Broadcast()
	}
}

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

// Stopper is how a room's goroutines are told to end, and awaited. They look at Stopped, sleep through Sleep, and have
// whatever else they wait on woken by an OnStop callback (Queue.Close, Watch.Bump).
type Stopper struct {
	env     Env
	group   *Group
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	cond    Cond
	stopped bool
	onStop  []func()
}

// NewStopper makes a Stopper of a room that runs.
func NewStopper(e Env) *Stopper {
	s := &Stopper{env: e, group: NewGroup(e)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.cond = e.NewCond(&s.mu)
	return s
}

// Go runs f concurrently. After Stop it does nothing, and reports false.
func (s *Stopper) Go(name string, f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	// Under the lock, so that a Wait that follows a Stop misses nobody.
	s.group.Go(name, f)
	return true
}

// Stop tells all to end: it wakes sleepers, cancels the Context and runs the OnStop callbacks, the last one first. It
// does not wait. Only the first call does anything.
func (s *Stopper) Stop() {
	callbacks := s.beginStop()
	for i := len(callbacks) - 1; i >= 0; i-- {
		callbacks[i]()
	}
}

func (s *Stopper) beginStop() []func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	callbacks := s.onStop
	s.stopped, s.onStop = true, nil
	s.cancel()
	s.cond.Broadcast()
	return callbacks
}

// Stopped reports whether Stop was called.
func (s *Stopper) Stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// Context is cancelled by Stop. It is the root of the contexts that calls of the bucket take.
func (s *Stopper) Context() context.Context { return s.ctx }

// OnStop has f called by Stop, or here and now if Stop was called already. f must not wait.
func (s *Stopper) OnStop(f func()) {
	if !s.register(f) {
		f()
	}
}

func (s *Stopper) register(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.onStop = append(s.onStop, f)
	}
	return !s.stopped
}

// Sleep waits for d or until Stop, and reports whether the room still runs.
func (s *Stopper) Sleep(d time.Duration) bool {
	deadline := s.env.Now().Add(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && s.cond.Wait(deadline) {
	}
	return !s.stopped
}

// Wait waits until all goroutines have ended, and reports false if deadline passed first.
func (s *Stopper) Wait(deadline time.Time) bool { return s.group.Wait(deadline) }
