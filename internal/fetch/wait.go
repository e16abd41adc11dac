package fetch

import (
	"slices"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
)

// waiter is one Fetch that waits for records of its partitions.
type waiter struct {
	mu         sync.Mutex
	cond       env.Cond
	woken      bool
	all        bool    // anything may have changed
	changed    []int32 // parts that have; with repetitions
	nodes      []node
	prev, next *waiter
}

// node stands for a waiter in the list of one partition.
type node struct {
	key        base.PartitionKey
	part       int32 // of the plan
	w          *waiter
	prev, next *node
}

// waiters are all that wait; Fetch.mu guards them. They are in lists, which have an order: who is woken first matters to
// a simulation.
type waiters struct {
	byKey map[base.PartitionKey]*node // the first of each partition's list
	all   *waiter                     // the first of all
	n     int
}

func (l *waiters) add(w *waiter) {
	if w.next = l.all; w.next != nil {
		w.next.prev = w
	}
	l.all = w
	l.n++
	for i := range w.nodes {
		n := &w.nodes[i]
		if n.next = l.byKey[n.key]; n.next != nil {
			n.next.prev = n
		}
		l.byKey[n.key] = n
	}
}

func (l *waiters) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.all = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	l.n--
	for i := range w.nodes {
		n := &w.nodes[i]
		switch {
		case n.prev != nil:
			n.prev.next = n.next
		case n.next != nil:
			l.byKey[n.key] = n.next
		default:
			delete(l.byKey, n.key)
		}
		if n.next != nil {
			n.next.prev = n.prev
		}
	}
}

// enlist has the partitions of parts wake the waiter from now on.
func (f *Fetch) enlist(parts []Part) *waiter {
	w := &waiter{nodes: make([]node, len(parts))}
	w.cond = f.env.NewCond(&w.mu)
	for i := range parts {
		w.nodes[i].key, w.nodes[i].part, w.nodes[i].w = parts[i].Key, int32(i), w
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters.add(w)
	return w
}

func (f *Fetch) leave(w *waiter) {
	f.journal.Interest(-1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters.remove(w)
}

// changed wakes those whom a publication is about.
func (f *Fetch) changed(c control.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Everything || c.Topics {
		for w := f.waiters.all; w != nil; w = w.next {
			w.wake(nil)
		}
		return
	}
	for _, k := range c.Partitions {
		for n := f.waiters.byKey[k]; n != nil; n = n.next {
			n.w.wake(n)
		}
	}
}

// wake tells of a change of n's partition; nil: anything may have changed.
func (w *waiter) wake(n *node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all = w.all || n == nil || len(w.changed) == len(w.nodes); w.all {
		w.changed = nil
	} else {
		w.changed = append(w.changed, n.part)
	}
	if !w.woken {
		w.woken = true
		w.cond.Signal()
	}
}

// wait waits to be woken, and reports whether it was before deadline. It gives the parts that have changed, in order; all: it may be any.
func (w *waiter) wait(deadline time.Time) (changed []int32, all, woken bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.woken {
		if !w.cond.Wait(deadline) && !w.woken {
			return nil, false, false
		}
	}
	changed, all = w.changed, w.all
	w.woken, w.all, w.changed = false, false, nil
	slices.Sort(changed)
	return slices.Compact(changed), all, true
}
