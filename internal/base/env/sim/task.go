package sim

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// task is one goroutine of the world. While it does not run it is parked at a wait of its Env (or not started).
type task struct {
	w        *World
	proc     *Proc // nil: root
	id       int
	name     string
	f        func()
	wake     chan struct{} // capacity 1
	timer    timer
	on       *waitList // where it waits; nil: it can run, or sleeps
	what     string    // what it waits for, for the dump
	timedOut bool
	started  bool
	done     bool
	killed   bool
	killer   *task         // whom to hand back to when unwound
	held     []*sync.Mutex // locked by waits that were cut short by the kill
	stack    string        // where it waited, written down for the dump
}

// waitList is a set of parked tasks.
type waitList struct{ tasks []*task }

func (l *waitList) remove(t *task) {
	for i, other := range l.tasks {
		if other == t {
			l.tasks = append(l.tasks[:i], l.tasks[i+1:]...)
			return
		}
	}
}

func (p *Proc) newTask(name string, f func()) *task {
	w := p.w
	w.tasks++
	t := &task{w: w, proc: p, id: w.tasks, name: name, f: f, wake: make(chan struct{}, 1)}
	t.timer.task = t
	p.tasks = append(p.tasks, t)
	w.runnable = append(w.runnable, t)
	return t
}

// resume lets t run. The caller must wait, or end, at once.
func (t *task) resume() {
	if t.started {
		t.wake <- struct{}{}
		return
	}
	t.started = true
	go t.run()
}

func (t *task) run() {
	returned := false
	defer func() {
		if r := recover(); r != nil {
			t.w.fail("%v panicked: %v\n%s", t, r, debug.Stack())
		} else if !returned && !t.killed {
			t.w.fail("%v left by runtime.Goexit, as t.FailNow does", t)
		}
		t.finish()
	}()
	t.f()
	returned = true
}

// finish hands over for the last time.
func (t *task) finish() {
	for _, mu := range t.held {
		mu.TryLock() // whether a deferred Unlock came or not, it is locked now, and by nobody else
		mu.Unlock()
	}
	t.done, t.f, t.held = true, nil, nil
	t.proc.forget(t)
	w := t.w
	w.ended = w.ended || t == w.main
	next := t.killer
	if next == nil {
		next = w.schedule()
	}
	w.switches.Add(1)
	w.cur = next
	next.resume()
}

// running gives the task that runs. It ends a killed one that came to wait in a deferred function.
func (w *World) running() *task {
	t := w.cur
	if t == w.root {
		panic("sim: waiting is for the tasks of a world that runs")
	}
	if t.killed {
		t.unwind()
	}
	return t
}

// unwind ends a killed task here, with its deferred functions.
func (t *task) unwind() {
	if t.w.dumps && t.stack == "" {
		t.stack = callers()
	}
	runtime.Goexit()
}

// wait parks t on l (may be nil) until it is woken or virtual time reaches at, and reports whether it was woken. The
// caller must call unwind if t.killed.
func (w *World) wait(t *task, l *waitList, at int64, what string) bool {
	t.on, t.what, t.timedOut = l, what, false
	if l != nil {
		l.tasks = append(l.tasks, t)
	}
	w.setTimer(&t.timer, at)
	w.switchTo(t, w.schedule())
	return !t.timedOut
}

// wake makes a parked task runnable.
func (w *World) wake(t *task) {
	t.detach()
	w.runnable = append(w.runnable, t)
}

func (t *task) detach() {
	if t.on != nil {
		t.on.remove(t)
		t.on = nil
	}
	t.w.stopTimer(&t.timer)
}

func (w *World) wakeAll(l *waitList) {
	for len(l.tasks) > 0 {
		w.wake(l.tasks[0])
	}
}

func (t *task) String() string { return fmt.Sprintf("%s task %d %q", t.proc.name, t.id, t.name) }

// callers lists where the current goroutine is, without the frames of the simulation and the runtime.
func callers() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasPrefix(f.Function, "runtime.") || strings.Contains(f.Function, "base/env/sim.(*") {
			continue
		}
		fmt.Fprintf(&b, "\n      %s (%s:%d)", f.Function, f.File, f.Line)
	}
	return b.String()
}

// dump tells of every unwound task where it was, in the order of their start.
func (w *World) dump() string {
	var b strings.Builder
	for _, p := range w.procs {
		for _, t := range p.unwound {
			fmt.Fprintf(&b, "\n  %v: %s%s", t, t.what, t.stack)
		}
	}
	return b.String()
}
