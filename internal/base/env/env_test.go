package env_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
)

func soon(e env.Env) time.Time  { return e.Now().Add(20 * time.Millisecond) }
func later(e env.Env) time.Time { return e.Now().Add(time.Minute) }

// onEvery runs a test over every implementation of Env.
func onEvery(t *testing.T, f func(t *testing.T, e env.Env)) {
	t.Run("real", func(t *testing.T) { f(t, env.Real()) })
	t.Run("sim", func(t *testing.T) {
		for seed := range uint64(20) {
			if err := sim.NewWorld(seed).Run(func(main *sim.Proc) { f(t, main) }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCondWaitEndsAtDeadline(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		var mu sync.Mutex
		c := e.NewCond(&mu)
		mu.Lock()
		defer mu.Unlock()
		deadline := soon(e)
		if c.Wait(deadline) {
			t.Fatal("woken by nobody")
		}
		if e.Now().Before(deadline) {
			t.Fatal("woken before the deadline")
		}
		if c.Wait(deadline) {
			t.Fatal("a deadline that has passed was waited for")
		}
	})
}

func TestCondSignalWakesOneAndBroadcastAll(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		var mu sync.Mutex
		c, woken := e.NewCond(&mu), env.NewWatch(e)
		waiting := env.NewWatch(e)
		g := env.NewGroup(e)
		for range 5 {
			g.Go("waiter", func() {
				mu.Lock()
				defer mu.Unlock()
				waiting.Bump()
				if !c.Wait(later(e)) {
					t.Error("not woken")
				}
				woken.Bump()
			})
		}
		waiting.Wait(4, later(e))
		mu.Lock() // the fifth has entered its wait once this is granted
		mu.Unlock()
		c.Signal()
		if v := woken.Wait(0, later(e)); v != 1 {
			t.Fatalf("Signal woke %d", v)
		}
		if v := woken.Wait(1, soon(e)); v != 1 {
			t.Fatalf("Signal woke %d", v)
		}
		c.Broadcast()
		if !g.Wait(later(e)) {
			t.Fatal("Broadcast left somebody waiting")
		}
	})
}

func TestQueueKeepsOrderAndBound(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		q := env.NewQueue[int](e, 10)
		g := env.NewGroup(e)
		g.Go("pusher", func() {
			for i := range 1000 {
				if err := q.Push(i, later(e)); err != nil {
					t.Errorf("push %d: %v", i, err)
				}
				if n := q.Len(); n > 10 {
					t.Errorf("%d items in a queue of 10", n)
				}
			}
			q.Close()
		})
		next := 0
		var batch []int
		for {
			v, err := q.Pop(later(e))
			if errors.Is(err, env.ErrClosed) {
				break
			}
			batch, _ = q.PopAll(append(batch[:0], v), e.Now()) // what is there; perhaps nothing
			for _, v := range batch {
				if v != next {
					t.Fatalf("got %d, want %d", v, next)
				}
				next++
			}
		}
		if next != 1000 {
			t.Fatalf("got %d items of 1000", next)
		}
	})
}

func TestQueueRefusals(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		q := env.NewQueue[string](e, 1)
		if _, err := q.Pop(soon(e)); base.KindOf(err) != base.RequestTimedOut {
			t.Fatalf("pop of an empty queue: %v", err)
		}
		if !q.TryPush("a") || q.TryPush("b") {
			t.Fatal("room for one, not for two")
		}
		if err := q.Push("b", soon(e)); err != env.ErrDeadline {
			t.Fatalf("push into a full queue: %v", err)
		}
		g := env.NewGroup(e)
		g.Go("pusher", func() {
			if err := q.Push("b", time.Time{}); err != env.ErrClosed {
				t.Errorf("push into a queue that is closed meanwhile: %v", err)
			}
		})
		e.Sleep(time.Millisecond)
		q.Close()
		g.Wait(time.Time{})
		if v, err := q.Pop(time.Time{}); v != "a" || err != nil {
			t.Fatalf("what was pushed before Close: %q, %v", v, err)
		}
		if _, err := q.Pop(time.Time{}); base.KindOf(err) != base.Stopping {
			t.Fatalf("pop of a closed queue: %v", err)
		}
		if _, ok := q.TryPop(); ok || q.TryPush("c") {
			t.Fatal("a closed, empty queue is in use")
		}
	})
}

func TestFutureIsSetOnce(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		f := env.NewFuture[int](e)
		if _, err := f.Wait(soon(e)); err != env.ErrDeadline || f.Done() {
			t.Fatalf("an unset future: %v", err)
		}
		e.Go("setter", func() { f.Set(7, nil) })
		if v, err := f.Wait(later(e)); v != 7 || err != nil {
			t.Fatalf("got %d, %v", v, err)
		}
		if f.Set(8, nil) {
			t.Fatal("set twice")
		}
	})
}

func TestFutureCallbacksRunInOrder(t *testing.T) {
	f := env.NewFuture[string](env.Real())
	var calls []string
	note := func(name string) func(string, error) {
		return func(v string, _ error) { calls = append(calls, name+" "+v) }
	}
	f.OnDone(note("first"))
	f.OnDone(note("second"))
	f.Set("x", nil)
	f.OnDone(note("late"))
	if want := []string{"first x", "second x", "late x"}; !slices.Equal(calls, want) {
		t.Fatalf("got %q, want %q", calls, want)
	}
}

func TestSemaphoreIsFair(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		s, g := env.NewSemaphore(e, 10), env.NewGroup(e)
		if err := s.Acquire(10, time.Time{}); err != nil {
			t.Fatal(err)
		}
		for i, n := range []int64{5, 1} {
			g.Go("claimant", func() {
				if err := s.Acquire(n, later(e)); err != nil {
					t.Error(err)
				}
			})
			for s.Waiting() <= i {
				e.Sleep(time.Millisecond)
			}
		}
		s.Release(4)
		if s.TryAcquire(1) || s.Waiting() != 2 {
			t.Fatal("a small claim overtook a large one")
		}
		s.Release(1)
		if s.Waiting() != 1 || s.Free() != 0 {
			t.Fatalf("the large claim was not granted: %d wait, %d free", s.Waiting(), s.Free())
		}
		s.Release(5)
		if !g.Wait(later(e)) || s.Free() != 4 {
			t.Fatalf("%d free, want 4", s.Free())
		}
	})
}

func TestSemaphoreAbandonedClaimLetsTheNextPass(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		s := env.NewSemaphore(e, 10)
		_ = s.Acquire(5, time.Time{})
		g := env.NewGroup(e)
		g.Go("large", func() {
			if err := s.Acquire(9, soon(e)); err != env.ErrDeadline {
				t.Errorf("9 of 5: %v", err)
			}
		})
		for s.Waiting() == 0 {
			e.Sleep(time.Millisecond)
		}
		if err := s.Acquire(3, later(e)); err != nil {
			t.Fatalf("behind an abandoned claim: %v", err)
		}
		g.Wait(time.Time{})
		if s.Free() != 2 {
			t.Fatalf("%d free, want 2", s.Free())
		}
	})
}

func TestMutexIsHeldAcrossWaits(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		m, g, inside := env.NewMutex(e), env.NewGroup(e), 0
		for range 5 {
			g.Go("owner", func() {
				m.Lock()
				defer m.Unlock()
				if inside++; inside != 1 {
					t.Errorf("%d inside", inside)
				}
				e.Sleep(time.Millisecond)
				inside--
			})
		}
		g.Wait(time.Time{})
		if !m.TryLock() || m.TryLock() || m.LockBy(soon(e)) {
			t.Fatal("a free lock, and only a free lock, can be taken")
		}
		m.Unlock()
	})
}

func TestWatch(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		w := env.NewWatch(e)
		if v := w.Wait(0, soon(e)); v != 0 {
			t.Fatalf("nothing changed, got version %d", v)
		}
		e.Go("changer", w.Bump)
		if v := w.Wait(0, later(e)); v != 1 {
			t.Fatalf("got version %d", v)
		}
		w.Raise(7)
		w.Raise(3)
		if v := w.Version(); v != 7 {
			t.Fatalf("got version %d", v)
		}
	})
}

func TestStopperEndsSleepersAndCalls(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		s := env.NewStopper(e)
		q := env.NewQueue[int](e, 1)
		s.OnStop(q.Close)
		s.Go("sleeper", func() {
			for s.Sleep(time.Hour) {
			}
		})
		s.Go("popper", func() {
			for {
				if _, err := q.Pop(time.Time{}); err != nil {
					return
				}
			}
		})
		if !s.Sleep(time.Millisecond) || s.Stopped() || s.Context().Err() != nil {
			t.Fatal("stopped before Stop")
		}
		s.Stop()
		if !s.Wait(later(e)) {
			t.Fatal("somebody did not end")
		}
		if s.Go("late", func() {}) || s.Sleep(time.Hour) || s.Context().Err() == nil {
			t.Fatal("runs on after Stop")
		}
		called := false
		s.OnStop(func() { called = true })
		if !called {
			t.Fatal("a callback registered after Stop was not called")
		}
	})
}

func TestGroupWaitEndsAtDeadline(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		g, release := env.NewGroup(e), env.NewFuture[bool](e)
		g.Go("stuck", func() { _, _ = release.Wait(time.Time{}) })
		if g.Wait(soon(e)) {
			t.Fatal("did not wait")
		}
		release.Set(true, nil)
		if !g.Wait(later(e)) {
			t.Fatal("waited for nobody")
		}
	})
}

func TestWithTimeout(t *testing.T) {
	onEvery(t, func(t *testing.T, e env.Env) {
		s := env.NewStopper(e)
		ctx, cancel := e.WithTimeout(s.Context(), 5*time.Millisecond)
		defer cancel()
		if ctx.Err() != nil {
			t.Fatal("over at once")
		}
		if d, ok := ctx.Deadline(); !ok || d.Sub(e.Now()) > 5*time.Millisecond {
			t.Fatal("deadline is wrong")
		}
		e.Sleep(20 * time.Millisecond)
		if ctx.Err() == nil || ctx.Err().Error() != "context deadline exceeded" {
			t.Fatalf("after the time-out: %v", ctx.Err())
		}
		other, cancelOther := e.WithTimeout(s.Context(), time.Hour)
		defer cancelOther()
		s.Stop()
		if other.Err() == nil || other.Err().Error() != "context canceled" {
			t.Fatalf("after Stop: %v", other.Err())
		}
	})
}

func TestSignalWithoutWaitersIsFree(t *testing.T) {
	var mu sync.Mutex
	c := env.Real().NewCond(&mu)
	if n := testing.AllocsPerRun(100, func() { c.Signal(); c.Broadcast() }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
