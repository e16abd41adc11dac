package env

import (
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
