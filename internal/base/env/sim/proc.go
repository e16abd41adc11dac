package sim

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
)

// Proc is one process: the env.Env of an agent or a client, which can be killed, paused or given a wrong clock.
type Proc struct {
	w           *World
	name        string
	host        *host
	rng         *rand.Rand
	clock       clock
	tasks       []*task // that have not ended, in the order of their start
	unwound     []*task // those whom a kill at the end of a failed run found
	dead        bool
	pausedUntil int64
	stalled     []*task // that could run, were the process not paused
	listeners   []*listener
	conns       []*conn
	doom        *doom // set: when it will be killed
}

// doom is a kill to come.
type doom struct {
	left int // times that one of its tasks may still go on
	then func()
}

var _ env.Env = (*Proc)(nil)

// Name is the process's name, and its host name.
func (p *Proc) Name() string { return p.name }

// Now reads the process's own clock.
func (p *Proc) Now() time.Time { return p.clock.now(p.w.now) }

// Uint64 draws from the process's own randomness, so that one process's draws do not change another's.
func (p *Proc) Uint64() uint64 { return p.rng.Uint64() }

// Go starts a task. It runs when the caller waits. In a killed process, and from a killed one, it does nothing.
func (p *Proc) Go(name string, f func()) {
	if !p.dead && !p.w.cur.killed {
		p.newTask(name, f)
	}
}

// Sleep waits for d of the process's own clock.
func (p *Proc) Sleep(d time.Duration) {
	t := p.w.running()
	p.w.wait(t, nil, p.clock.moment(p.w.now, p.Now().Add(d)), "sleeps")
	if t.killed {
		t.unwind()
	}
}

// WithTimeout cancels at the process's own time. Nobody is woken by the cancelling: who wants to know asks Err.
func (p *Proc) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(parent)
	ctx := &timeoutContext{Context: inner, deadline: p.Now().Add(d)}
	if old, ok := parent.Deadline(); ok && old.Before(ctx.deadline) {
		ctx.deadline = old
	}
	t := &timer{fire: func() { cancel(context.DeadlineExceeded) }}
	p.w.setTimer(t, p.clock.moment(p.w.now, ctx.deadline))
	return ctx, func() {
		p.w.stopTimer(t)
		cancel(context.Canceled)
	}
}

type timeoutContext struct {
	context.Context
	deadline time.Time
}

func (c *timeoutContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Err tells the time-out from a cancelling, as context.WithTimeout's does.
func (c *timeoutContext) Err() error {
	if c.Context.Err() == nil {
		return nil
	}
	return context.Cause(c.Context)
}

// Killed reports whether the process was killed. What stands for the outside of it, such as a simulated bucket, asks
// before it acts on behalf of a deferred function.
func (p *Proc) Killed() bool { return p.dead }

// Kill ends the process at once, wherever its tasks wait. When it returns, all have unwound; if the caller is one of
// them, it does not return.
func (p *Proc) Kill() {
	if p.dead {
		return
	}
	w, me := p.w, p.w.cur
	if me != w.root {
		w.Logf("kill %s", p.name)
	}
	p.dead = true
	p.breakConnections()
	victims := slices.Clone(p.tasks)
	for _, t := range victims {
		t.killed = true
		t.detach()
	}
	for _, t := range victims {
		if t != me {
			p.unwind(t, me)
		}
	}
	if me.proc == p {
		runtime.Goexit()
	}
}

// KillAfter kills the process when its tasks have gone on n times (at least 1) after a wait, and calls then: so a kill can
// meet any instruction that waits, also where no time passes. A later call replaces an earlier one.
func (p *Proc) KillAfter(n int, then func()) {
	if !p.dead {
		p.doom = &doom{n, then}
	}
}

// Spare undoes KillAfter.
func (p *Proc) Spare() { p.doom = nil }

// isDue counts one more time that a task goes on, and reports whether the process dies in place of that.
func (p *Proc) isDue() bool {
	if p.doom == nil {
		return false
	}
	p.doom.left--
	return p.doom.left <= 0
}

// reap makes the task that executes p's doom, and is to run at once.
func (w *World) reap(p *Proc) *task {
	then := p.doom.then
	p.doom = nil
	t := w.Proc("reaper").newTask("reap "+p.name, func() {
		p.Kill()
		then()
	})
	w.runnable = w.runnable[:len(w.runnable)-1]
	return t
}

func (p *Proc) unwind(t, killer *task) {
	if p.w.dumps {
		p.unwound = append(p.unwound, t)
	}
	if !t.started {
		t.done, t.what = true, "not started yet"
		p.forget(t)
		return
	}
	t.killer = killer
	p.w.switchTo(killer, t)
}

// Pause stops the process for d, as SIGSTOP or a stalled machine would: clocks run on, connections stay open.
func (p *Proc) Pause(d time.Duration) {
	w := p.w
	w.Logf("pause %s for %v", p.name, d)
	p.pausedUntil = max(p.pausedUntil, w.now+int64(d))
	w.setTimer(&timer{fire: p.endPause}, p.pausedUntil)
	if t := w.cur; t.proc == p {
		p.Sleep(0)
	}
}

func (p *Proc) endPause() {
	if p.w.now >= p.pausedUntil {
		p.w.runnable = append(p.w.runnable, p.stalled...)
		p.stalled = nil
	}
}

// Suspend puts the process's machine to sleep for d: as Pause, but its monotonic clock stands still meanwhile, and with
// it all its deadlines; its wall clock goes on.
func (p *Proc) Suspend(d time.Duration) {
	w := p.w
	by := p.clock.stop(w.now, int64(d))
	for _, t := range p.tasks {
		if t.timer.index > 0 {
			w.setTimer(&t.timer, t.timer.at+by)
		}
	}
	for _, c := range p.conns {
		c.readBy.postpone(time.Duration(by))
		c.writeBy.postpone(time.Duration(by))
	}
	p.Pause(d)
}

// SetClockSkew steps the wall clock so that it is ahead of the world's time by d (behind, if negative). Differences of
// readings before and after stay true, as with the operating system's monotonic clock.
func (p *Proc) SetClockSkew(d time.Duration) {
	p.clock.wall = epoch + p.w.now + int64(d) - p.clock.monotonic(p.w.now)
}

// SetClockDrift lets both of the process's clocks run fast by ppm parts per million from now on (slow, if negative).
// ppm is from -500,000 (half as fast) to 1,000,000 (twice as fast).
func (p *Proc) SetClockDrift(ppm int) {
	if ppm < -million/2 || ppm > million {
		panic("sim: a clock's drift must be between -500,000 and 1,000,000 ppm")
	}
	p.clock.rebase(p.w.now)
	p.clock.ppm = int64(ppm)
}

func (p *Proc) forget(t *task) {
	if i := slices.Index(p.tasks, t); i >= 0 {
		p.tasks = slices.Delete(p.tasks, i, i+1)
	}
}

// NewCond makes a condition over mu.
func (p *Proc) NewCond(mu *sync.Mutex) env.Cond { return &cond{p: p, mu: mu} }

type cond struct {
	p    *Proc
	mu   *sync.Mutex
	list waitList
}

func (c *cond) Wait(deadline time.Time) bool {
	w := c.p.w
	if w.cur.killed {
		w.cur.held = append(w.cur.held, c.mu)
	}
	t := w.running()
	at := c.p.clock.moment(w.now, deadline)
	if at <= w.now {
		return false
	}
	c.mu.Unlock()
	woken := w.wait(t, &c.list, at, "waits on a condition")
	if locked := c.mu.TryLock(); !locked && !t.killed {
		panic("sim: a sync.Mutex was held across a wait by another task")
	}
	if t.killed {
		t.held = append(t.held, c.mu)
		t.unwind()
	}
	return woken
}

// Signal wakes one at random: env.Cond promises no order.
func (c *cond) Signal() {
	if n := len(c.list.tasks); n > 0 {
		i := 0
		if n > 1 {
			i = int(c.p.w.rng.Uint64N(uint64(n)))
		}
		c.p.w.wake(c.list.tasks[i])
	}
}

func (c *cond) Broadcast() { c.p.w.wakeAll(&c.list) }
