package env

import (
	"context"
	"net"
	"sync"
	"time"
)

// Env is one process's view of the outside. In a simulation each agent and each client has its own, so that one can be
// killed, paused or given a wrong clock by itself.
type Env interface {
	// Now is the local clock. It may be wrong and, across a sleep of the machine, may have stood still: nothing that
	// must be safe leans on it. Differences of two readings are monotonic.
	Now() time.Time
	// Uint64 draws 64 random bits. Not for secrets.
	Uint64() uint64
	// Go runs f concurrently. name is for logs and stack dumps.
	Go(name string, f func())
	// Sleep waits for d.
	Sleep(d time.Duration)
	// NewCond makes a condition over mu.
	NewCond(mu *sync.Mutex) Cond
	// WithTimeout is context.WithTimeout by this clock, for calls of the bucket. Its root is a Stopper's Context.
	WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc)
	// Listen and Dial are net.Listen and net.Dial for "tcp". timeout bounds the connecting alone.
	Listen(addr string) (net.Listener, error)
	Dial(addr string, timeout time.Duration) (net.Conn, error)
}

// Cond is the one primitive by which goroutines wait for each other. As with sync.Cond, a waiter holds mu, and checks
// its condition again after every return.
type Cond interface {
	// Wait releases mu, waits for a Broadcast or Signal or until deadline (the zero time: for ever), and takes mu again.
	// It reports false when the deadline passed first.
	Wait(deadline time.Time) bool
	// Signal wakes one waiter; Broadcast wakes all. mu may be held or not.
	Signal()
	Broadcast()
}
