package env

import (
	"sync"
	"time"
)

// Future is an outcome that is set once and may be awaited by many.
type Future[T any] struct {
	env   Env
	mu    sync.Mutex
	cond  Cond // made by the first who waits; most futures are done before
	done  bool
	value T
	err   error
	then  []func(T, error)
}

// NewFuture makes a Future without an outcome.
func NewFuture[T any](e Env) *Future[T] { return &Future[T]{env: e} }

// Set gives the outcome, runs the OnDone callbacks in order in this goroutine, and wakes all who wait. It reports false,
// and changes nothing, if there was an outcome already.
func (f *Future[T]) Set(v T, err error) bool {
	then, first := f.settle(v, err)
	for _, g := range then {
		g(v, err)
	}
	return first
}

func (f *Future[T]) settle(v T, err error) ([]func(T, error), bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return nil, false
	}
	then := f.then
	f.done, f.value, f.err, f.then = true, v, err, nil
	if f.cond != nil {
		f.cond.Broadcast()
	}
	return then, true
}

// Wait gives the outcome once there is one, or ErrDeadline.
func (f *Future[T]) Wait(deadline time.Time) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.done && f.cond == nil {
		f.cond = f.env.NewCond(&f.mu)
	}
	for !f.done {
		if !f.cond.Wait(deadline) && !f.done {
			var none T
			return none, ErrDeadline
		}
	}
	return f.value, f.err
}

// Done reports whether there is an outcome.
func (f *Future[T]) Done() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// OnDone has g called with the outcome: by Set, in the setter's goroutine and without locks held, or here and now if
// there is one already. g must not wait.
func (f *Future[T]) OnDone(g func(T, error)) {
	if f.postpone(g) {
		return
	}
	g(f.value, f.err) // immutable once done
}

func (f *Future[T]) postpone(g func(T, error)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.done {
		f.then = append(f.then, g)
	}
	return !f.done
}
