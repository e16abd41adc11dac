package fetch

import (
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
)

// waiter is one Fetch that waits for records of its partitions.
type waiter struct {
	mu    sync.Mutex
	cond  env.Cond
	woken bool
	nodes []node
}

// node stands for a waiter in the list of one partition.
type node struct {
	key        base.PartitionKey
	w          *waiter
	prev, next *node
}

// waiters are all that wait; Fetch.mu guards them.
type waiters struct {
	byKey map[base.PartitionKey]*node // the first of each list
	all   map[*waiter]struct{}        // of use only where order does not matter
}

func (l *waiters) init() {
	l.byKey = map[base.PartitionKey]*node{}
	l.all = map[*waiter]struct{}{}
}

// enlist has the partitions of parts wake the waiter from now on. Its wake-up is also a look at what happened before.
func (f *Fetch) enlist(parts []Part) *waiter {
	w := &waiter{nodes: make([]node, len(parts))}
	w.cond = f.env.NewCond(&w.mu)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters.all[w] = struct{}{}
	for i := range parts {
		n := &w.nodes[i]
		n.key, n.w, n.next = parts[i].Key, w, f.waiters.byKey[parts[i].Key]
		if n.next != nil {
			n.next.prev = n
		}
		f.waiters.byKey[n.key] = n
	}
	return w
}

func (f *Fetch) leave(w *waiter) {
	f.journal.Interest(-1)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiters.all, w)
	for i := range w.nodes {
		n := &w.nodes[i]
		switch {
		case n.prev != nil:
			n.prev.next = n.next
		case n.next != nil:
			f.waiters.byKey[n.key] = n.next
		default:
			delete(f.waiters.byKey, n.key)
		}
		if n.next != nil {
			n.next.prev = n.prev
		}
	}
}

// changed wakes those whom a publication is about.
func (f *Fetch) changed(c control.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Everything || c.Topics {
		for w := range f.waiters.all {
			w.wake()
		}
		return
	}
	for _, k := range c.Partitions {
		for n := f.waiters.byKey[k]; n != nil; n = n.next {
			n.w.wake()
		}
	}
}

func (w *waiter) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.woken {
		w.woken = true
		w.cond.Signal()
	}
}

// wait waits to be woken, and reports whether it was before deadline.
func (w *waiter) wait(deadline time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.woken {
		if !w.cond.Wait(deadline) && !w.woken {
			return false
		}
	}
	w.woken = false
	return true
}
