package env_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
)

// TestNoWakeUpIsLostToAWaiterThatTimesOut races signals against deadlines. Half of the poppers never look at the clock:
// if a signal went to one who has just given up, one of them would wait for ever.
func TestNoWakeUpIsLostToAWaiterThatTimesOut(t *testing.T) {
	const items = 20_000
	e := env.Real()
	q, g := env.NewQueue[int](e, 4), env.NewGroup(e)
	var sum, timeouts atomic.Int64
	for i := range 8 {
		g.Go("popper", func() {
			for {
				var deadline time.Time
				if i%2 == 0 {
					deadline = e.Now().Add(time.Duration(e.Uint64() % 20_000))
				}
				v, err := q.Pop(deadline)
				switch err {
				case nil:
					sum.Add(int64(v))
				case env.ErrDeadline:
					timeouts.Add(1)
				default:
					return
				}
			}
		})
	}
	for i := range items {
		if err := q.Push(i, e.Now().Add(time.Minute)); err != nil {
			t.Fatalf("push %d: %v", i, err)
		}
		if i%100 == 0 {
			e.Sleep(50 * time.Microsecond) // let them run dry and time out
		}
	}
	q.Close()
	if !g.Wait(e.Now().Add(time.Minute)) {
		t.Fatal("a popper was not woken")
	}
	if sum.Load() != items*(items-1)/2 || timeouts.Load() == 0 {
		t.Fatalf("sum %d, %d time-outs", sum.Load(), timeouts.Load())
	}
}

func BenchmarkQueueHandOver(b *testing.B) {
	e := env.Real()
	q := env.NewQueue[int](e, 256)
	e.Go("pusher", func() {
		for i := range b.N {
			_ = q.Push(i, time.Time{})
		}
	})
	b.ReportAllocs()
	for range b.N {
		_, _ = q.Pop(time.Time{})
	}
}
