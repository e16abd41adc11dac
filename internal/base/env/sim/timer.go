package sim

import (
	"container/heap"
	"time"
)

// never is the moment of a timer that does not fire.
const never = int64(1<<63 - 1)

// timer fires once at a moment of virtual time: it wakes a task, or calls a function that must not wait.
type timer struct {
	at    int64
	order uint64 // random: who comes first among those of one moment
	seq   uint64 // breaks the last tie
	task  *task
	fire  func()
	index int // in the heap, plus one; 0: not set
}

type timerHeap struct {
	list []*timer
	seq  uint64
}

func (h *timerHeap) Len() int { return len(h.list) }

func (h *timerHeap) Less(i, j int) bool {
	a, b := h.list[i], h.list[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.order != b.order {
		return a.order < b.order
	}
	return a.seq < b.seq
}

func (h *timerHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index, h.list[j].index = i+1, j+1
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	h.list = append(h.list, t)
	t.index = len(h.list)
}

func (h *timerHeap) Pop() any {
	last := len(h.list) - 1
	t := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	t.index = 0
	return t
}

func (w *World) setTimer(t *timer, at int64) {
	w.stopTimer(t)
	if at == never {
		return
	}
	w.timers.seq++
	t.at, t.order, t.seq = at, w.rng.Uint64(), w.timers.seq
	heap.Push(&w.timers, t)
}

func (w *World) stopTimer(t *timer) {
	if t.index > 0 {
		heap.Remove(&w.timers, t.index-1)
	}
}

// advance moves time to the next timer and fires all of that moment.
func (w *World) advance() {
	if len(w.timers.list) == 0 {
		w.fail("deadlock: nobody can run and no timer is set")
		return
	}
	if at := w.timers.list[0].at; at > w.now {
		w.now, w.sameMoment = min(at, w.limit), 0
	}
	if w.now >= w.limit {
		w.fail("not done at %v of virtual time", time.Duration(w.limit))
		return
	}
	for len(w.timers.list) > 0 && w.timers.list[0].at <= w.now {
		t := heap.Pop(&w.timers).(*timer)
		if t.task == nil {
			t.fire()
			continue
		}
		t.task.timedOut = true
		w.wake(t.task)
	}
}
