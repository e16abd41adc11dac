package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// run runs f in a fresh world and fails the test if the world fails.
func run(t *testing.T, seed uint64, f func(w *sim.World, main *sim.Proc)) *sim.World {
	t.Helper()
	w := sim.NewWorld(seed)
	if err := w.Run(func(main *sim.Proc) { f(w, main) }); err != nil {
		t.Fatal(err)
	}
	return w
}

// mustFail runs f in a fresh world, which must fail with all of the texts.
func mustFail(t *testing.T, f func(w *sim.World, main *sim.Proc), texts ...string) {
	t.Helper()
	w := sim.NewWorld(1)
	err := w.RunFor(time.Hour, func(main *sim.Proc) { f(w, main) })
	if err == nil {
		t.Fatal("the world did not fail")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in the report:\n%v", text, err)
		}
	}
}

// busyWorld has five workers behind queues, clients that call a server by connections, a killer, and a cut.
func busyWorld(t *testing.T, seed uint64) (string, uint64) {
	var log bytes.Buffer
	w := sim.NewWorld(seed)
	w.LogTo(&log)
	err := w.RunFor(time.Hour, func(main *sim.Proc) {
		q := env.NewQueue[string](main, 4)
		for i := range 5 {
			main.Go("worker", func() {
				for {
					s, err := q.Pop(time.Time{})
					if err != nil {
						return
					}
					main.Sleep(time.Duration(main.Uint64() % 1_000_000))
					w.Logf("worker %d did %s", i, s)
				}
			})
		}
		server := w.Proc("server")
		serve(w, server)
		for i := range 5 {
			c := w.Proc(fmt.Sprintf("client%d", i))
			c.Go("client", func() { callForEver(w, c) })
		}
		for i := range 30 {
			_ = q.Push(fmt.Sprint("job ", i), time.Time{})
		}
		main.Sleep(time.Second)
		w.Cut(server, w.Proc("client1"))
		server.Kill()
		main.Sleep(time.Second)
		server = w.Proc("server")
		serve(w, server)
		w.Proc("client2").Pause(300 * time.Millisecond)
		w.Proc("client3").Kill()
		main.Sleep(time.Second)
		w.Heal(server, w.Proc("client1"))
		main.Sleep(2 * time.Second)
	})
	if err != nil {
		t.Fatal(err)
	}
	return log.String(), w.Digest()
}

// serve answers every line by the line in upper case.
func serve(w *sim.World, p *sim.Proc) {
	p.Go("server", func() {
		l, err := p.Listen(":9092")
		if err != nil {
			w.Logf("%v", err)
			return
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.Go("connection", func() {
				defer c.Close()
				for {
					line, err := readLine(c)
					if err != nil {
						return
					}
					if _, err := io.WriteString(c, strings.ToUpper(line)); err != nil {
						return
					}
				}
			})
		}
	})
}

func readLine(c net.Conn) (string, error) {
	var line, one [1]byte
	var out []byte
	for one = line; one[0] != '\n'; {
		if _, err := io.ReadFull(c, one[:]); err != nil {
			return "", err
		}
		out = append(out, one[0])
	}
	return string(out), nil
}

func callForEver(w *sim.World, p *sim.Proc) {
	for {
		c, err := p.Dial("server:9092", 200*time.Millisecond)
		for n := 0; err == nil; n++ {
			_ = c.SetDeadline(p.Now().Add(400 * time.Millisecond))
			var answer string
			if _, err = fmt.Fprintf(c, "call %d of %s\n", n, p.Name()); err == nil {
				answer, err = readLine(c)
			}
			w.Logf("%q", strings.TrimSpace(answer))
			p.Sleep(50 * time.Millisecond)
		}
		w.Logf("%v", err)
		if c != nil {
			c.Close()
		}
		p.Sleep(100 * time.Millisecond)
	}
}

func TestSameSeedSameRun(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(10) {
		log, digest := busyWorld(t, seed)
		again, digestAgain := busyWorld(t, seed)
		if log != again || digest != digestAgain {
			t.Fatalf("seed %d gave two different runs:\n%s\n--- and ---\n%s", seed, log, again)
		}
		if seen[log] {
			t.Fatalf("seed %d gave the run of another seed", seed)
		}
		seen[log] = true
		for _, must := range []string{"CALL 3 OF CLIENT4", "connection refused", "i/o timeout", "job 29", "kill server"} {
			if !strings.Contains(log, must) {
				t.Fatalf("%q is not in the log, so the test shows too little:\n%s", must, log)
			}
		}
	}
}

func TestTimeJumps(t *testing.T) {
	start := time.Now()
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		before := main.Now()
		main.Sleep(1000 * time.Hour)
		if d := main.Now().Sub(before); d != 1000*time.Hour || w.Elapsed() != d {
			t.Errorf("slept %v", d)
		}
	})
	if time.Since(start) > time.Minute {
		t.Fatal("waited for real")
	}
}

func TestScheduleDependsOnSeed(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(50) {
		run(t, seed, func(w *sim.World, main *sim.Proc) {
			var order strings.Builder
			g := env.NewGroup(main)
			for i := range 3 {
				g.Go("t", func() { fmt.Fprint(&order, i) })
			}
			g.Wait(time.Time{})
			orders[order.String()] = true
		})
	}
	if len(orders) != 6 {
		t.Fatalf("of 6 possible orders only these came: %v", orders)
	}
}

func TestKillUnwindsAtTheWait(t *testing.T) {
	before := runtime.NumGoroutine()
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		p := w.Proc("agent")
		var mu, leaked sync.Mutex
		var trace []string
		note := func(s string) { trace = append(trace, s) }
		p.Go("sleeper", func() {
			defer note("deferred")
			defer func() {
				defer note("inner deferred")
				p.Go("never", func() { note("BAD: a dead process started a task") })
				p.Sleep(time.Hour)
				note("BAD: a dead process slept")
			}()
			p.Sleep(time.Hour)
			note("BAD: a dead process went on")
		})
		p.Go("waiter", func() {
			mu.Lock()
			defer mu.Unlock()
			p.NewCond(&mu).Wait(time.Time{})
			note("BAD: a dead process went on")
		})
		p.Go("waiter without defer", func() {
			leaked.Lock()
			p.NewCond(&leaked).Wait(time.Time{})
			leaked.Unlock()
		})
		main.Sleep(time.Second)
		p.Go("not started", func() { note("BAD: started after the kill") })
		p.Kill()
		if got := strings.Join(trace, ", "); got != "inner deferred, deferred" {
			t.Errorf("trace: %s", got)
		}
		if !mu.TryLock() || !leaked.TryLock() {
			t.Error("a killed task left a mutex locked")
		}
		if !p.Killed() || w.Proc("agent") == p {
			t.Error("the name of a killed process does not give a new one")
		}
		main.Sleep(time.Hour)
	})
	for i := 0; runtime.NumGoroutine() > before && i < 100; i++ {
		time.Sleep(time.Millisecond) // the last goroutine is on its way out
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Fatalf("%d goroutines were left behind", n-before)
	}
}

// Between the steps of a task no time passes: each of them can be its last.
func TestKillAfterMeetsEveryWait(t *testing.T) {
	for last := 1; last <= 6; last++ {
		run(t, 1, func(w *sim.World, main *sim.Proc) {
			p := w.Proc("agent")
			steps, reaped := 0, false
			p.Go("stepper", func() {
				for range 5 {
					p.Sleep(0)
					steps++
				}
			})
			p.KillAfter(last, func() { reaped = true })
			main.Sleep(time.Second)
			// The task goes on once to begin, and once for each step.
			if want := max(0, last-2); steps != want || !p.Killed() || !reaped {
				t.Errorf("killed at going on %d: %d steps, want %d; killed %t, reaped %t", last, steps, want, p.Killed(), reaped)
			}
		})
	}
}

func TestProcessMayKillItself(t *testing.T) {
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		p, others := w.Proc("agent"), 0
		p.Go("other", func() {
			defer func() { others++ }()
			p.Sleep(time.Hour)
		})
		p.Go("suicide", func() {
			p.Sleep(time.Second)
			p.Kill()
			t.Error("came back from its own death")
		})
		main.Sleep(time.Minute)
		if others != 1 {
			t.Error("the other task did not unwind")
		}
	})
}

func TestPauseStallsOneProcess(t *testing.T) {
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		p := w.Proc("agent")
		var woke time.Duration
		p.Go("sleeper", func() {
			p.Sleep(time.Second)
			woke = w.Elapsed()
		})
		main.Sleep(time.Millisecond)
		p.Pause(5 * time.Second)
		main.Sleep(2 * time.Second)
		if woke != 0 {
			t.Error("ran while paused")
		}
		main.Sleep(4 * time.Second)
		if woke != 5*time.Second+time.Millisecond {
			t.Errorf("woke at %v", woke)
		}
	})
}

func TestFailuresAreReported(t *testing.T) {
	t.Run("deadlock", func(t *testing.T) {
		mustFail(t, func(w *sim.World, main *sim.Proc) {
			q := env.NewQueue[int](main, 1)
			w.Proc("agent").Go("sealer", func() { _, _ = q.Pop(time.Time{}) })
			_, _ = q.Pop(time.Time{})
		}, "deadlock", "seed 1", `agent task 2 "sealer": waits on a condition`, "world_test.go")
	})
	t.Run("panic", func(t *testing.T) {
		mustFail(t, func(w *sim.World, main *sim.Proc) {
			main.Sleep(time.Second)
			panic("broken invariant")
		}, "broken invariant", "world_test.go", "at 1s")
	})
	t.Run("limit", func(t *testing.T) {
		mustFail(t, func(w *sim.World, main *sim.Proc) { main.Sleep(2 * time.Hour) }, "1h0m0s", "sleeps")
	})
	t.Run("FailNow", func(t *testing.T) {
		mustFail(t, func(w *sim.World, main *sim.Proc) { runtime.Goexit() }, "Goexit")
	})
	t.Run("livelock", func(t *testing.T) {
		mustFail(t, func(w *sim.World, main *sim.Proc) {
			for {
				main.Sleep(0)
			}
		}, "livelock")
	})
	t.Run("mutex held across a wait", func(t *testing.T) {
		mustFail(t, func(w *sim.World, main *sim.Proc) {
			var mu sync.Mutex
			c := main.NewCond(&mu)
			main.Go("holder", func() {
				mu.Lock()
				c.Signal()
				main.Sleep(time.Second)
			})
			mu.Lock()
			c.Wait(time.Time{})
		}, "held across a wait")
	})
}

func TestClocks(t *testing.T) {
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		p := w.Proc("agent")
		before := p.Now()
		p.SetClockSkew(-time.Hour)
		main.Sleep(time.Second)
		if d := main.Now().Round(0).Sub(p.Now().Round(0)); d != time.Hour {
			t.Errorf("the wall clock is behind by %v", d)
		}
		if d := p.Now().Sub(before); d != time.Second {
			t.Errorf("across the step %v passed", d)
		}
		p.SetClockDrift(100_000)
		before = p.Now()
		main.Sleep(10 * time.Second)
		if d := p.Now().Sub(before); d != 11*time.Second {
			t.Errorf("the fast clock made %v in 10s", d)
		}
		deadline, start := p.Now().Add(11*time.Second), w.Elapsed()
		var mu sync.Mutex
		mu.Lock()
		p.NewCond(&mu).Wait(deadline)
		if d := w.Elapsed() - start; d != 10*time.Second || p.Now().Before(deadline) {
			t.Errorf("11s of the fast clock took %v", d)
		}
	})
}

func TestSuspendStopsTheMonotonicClock(t *testing.T) {
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		p := w.Proc("agent")
		woke := env.NewFuture[time.Duration](main)
		p.Go("sleeper", func() {
			before := p.Now()
			p.Sleep(10 * time.Second)
			if d := p.Now().Sub(before); d != 10*time.Second {
				t.Errorf("by the monotonic clock it slept %v", d)
			}
			if d := p.Now().Round(0).Sub(before.Round(0)); d != time.Hour+10*time.Second {
				t.Errorf("by the wall clock it slept %v", d)
			}
			woke.Set(w.Elapsed(), nil)
		})
		main.Sleep(time.Second)
		p.Suspend(time.Hour)
		if at, _ := woke.Wait(time.Time{}); at != time.Hour+10*time.Second {
			t.Errorf("woke at %v", at)
		}
	})
}

func TestRunsOnlyOnce(t *testing.T) {
	w := run(t, 1, func(*sim.World, *sim.Proc) {})
	defer func() {
		if recover() == nil {
			t.Fatal("ran twice")
		}
	}()
	_ = w.Run(func(*sim.Proc) {})
}

func TestErrorsOfHelpersAreTheSame(t *testing.T) {
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		if _, err := env.NewFuture[int](main).Wait(main.Now().Add(time.Second)); !errors.Is(err, env.ErrDeadline) {
			t.Errorf("got %v", err)
		}
		if w.Elapsed() != time.Second {
			t.Errorf("waited %v", w.Elapsed())
		}
	})
}

// BenchmarkSwitch measures one hand-over between two tasks, with the timer that causes it.
func BenchmarkSwitch(b *testing.B) {
	b.ReportAllocs()
	err := sim.NewWorld(1).Run(func(main *sim.Proc) {
		g := env.NewGroup(main)
		for range 2 {
			g.Go("sleeper", func() {
				for range b.N / 2 {
					main.Sleep(time.Microsecond)
				}
			})
		}
		g.Wait(time.Time{})
	})
	if err != nil {
		b.Fatal(err)
	}
}
