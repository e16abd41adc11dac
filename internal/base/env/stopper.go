package env

import (
	"context"
	"sync"
	"time"
)

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
