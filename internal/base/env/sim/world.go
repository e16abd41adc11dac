package sim

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// switchesAtOnceMax bounds the task switches while time stands still: more is a livelock. A crowded instant of a
	// big cluster stays below 100,000.
	switchesAtOnceMax = 5_000_000
	// stallMax is the real time without a task switch after which Run gives up: some task is blocked, or loops,
	// outside of the simulation. Long enough for a loaded machine under the race detector.
	stallMax = time.Minute
)

// epoch is when every world begins: 2025-01-01T00:00:00Z, in nanoseconds since 1970.
const epoch = 1735689600_000000000

// World is one simulated world. Make it with NewWorld, furnish it, Run it once.
type World struct {
	seed     uint64
	rng      *rand.Rand // draws the schedule, latencies and faults
	now      int64      // virtual time: nanoseconds since the beginning
	limit    int64      // when the run has failed
	runnable []*task
	timers   timerHeap
	cur      *task // who runs; root outside of Run
	root     *task // stands for the goroutine that called Run
	main     *task
	procs    []*Proc // all that ever were, in the order of their making
	tasks    int     // number of tasks ever made: the last id
	err      error
	dumps    bool // unwinding tasks write down where they waited
	ended    bool // main has returned
	started  bool

	switches   atomic.Uint64
	sameMoment int // switches since time last moved
	digest     uint64
	log        io.Writer
	net        network
}

// NewWorld makes a world without processes.
func NewWorld(seed uint64) *World {
	w := &World{seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), log: io.Discard}
	w.root = &task{w: w, name: "root", started: true, wake: make(chan struct{}, 1)}
	w.cur = w.root
	w.net.init()
	return w
}

// Proc gives the living process of that name, or makes one: a process that was killed is followed by a new one. The
// name is also its host name for Dial and Listen. Its first task is started with Go.
func (w *World) Proc(name string) *Proc {
	incarnation := uint64(0)
	for _, p := range w.procs {
		if p.name != name {
			continue
		}
		if !p.dead {
			return p
		}
		incarnation++
	}
	h := fnv.New64a()
	io.WriteString(h, name)
	p := &Proc{w: w, name: name, host: w.net.host(name)}
	p.rng = rand.New(rand.NewPCG(w.seed, h.Sum64()+incarnation))
	p.clock = clock{base: w.now, wall: epoch + w.now}
	w.procs = append(w.procs, p)
	return p
}

// Run runs f as a task of the process "main", and with it the whole world, until f returns; then it kills all that is
// left. It fails when a task panics or leaves by runtime.Goexit (as t.FailNow does), on a deadlock, and on a livelock.
func (w *World) Run(f func(main *Proc)) error { return w.RunFor(0, f) }

// RunFor is Run that also fails when f has not returned after limit of virtual time (0: no limit).
func (w *World) RunFor(limit time.Duration, f func(main *Proc)) error {
	if w.started {
		panic("sim.World: it runs only once")
	}
	w.started = true
	if w.limit = never; limit > 0 {
		w.limit = w.now + int64(limit)
	}
	p := w.Proc("main")
	w.main = p.newTask("main", func() { f(p) })
	w.switchTo(w.root, w.schedule())
	w.dumps = w.err != nil
	for _, p := range w.procs {
		p.Kill()
	}
	if w.err != nil {
		return fmt.Errorf("seed %d, at %v: %w%s", w.seed, time.Duration(w.now), w.err, w.dump())
	}
	return nil
}

// Seed is what the world was made with.
func (w *World) Seed() uint64 { return w.seed }

// Elapsed is the virtual time since the world began. It is the world's own clock, which no process can see.
func (w *World) Elapsed() time.Duration { return time.Duration(w.now) }

// Uint64 draws 64 random bits of the world: for fault injection and workloads outside of any process.
func (w *World) Uint64() uint64 { return w.rng.Uint64() }

// Between draws a span from lo to hi, both possible.
func (w *World) Between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

// LogTo has Logf write to out. Before the first call it writes to nowhere.
func (w *World) LogTo(out io.Writer) { w.log = out }

// Logf logs a line, with virtual time and the process that runs. Two runs of one seed give the same bytes, as long as
// what is logged has no addresses or map order in it.
func (w *World) Logf(format string, args ...any) {
	who := "world"
	if w.cur.proc != nil {
		who = w.cur.proc.name
	}
	line := fmt.Sprintf("%16.9f %s: %s\n", time.Duration(w.now).Seconds(), who, fmt.Sprintf(format, args...))
	for i := range len(line) {
		w.mix(uint64(line[i]))
	}
	io.WriteString(w.log, line)
}

// Digest sums up the schedule so far and all that was logged: two runs with equal digests were the same run.
func (w *World) Digest() uint64 { return w.digest }

func (w *World) mix(v uint64) { w.digest = bits.RotateLeft64((w.digest^v)*0x9E3779B97F4A7C15, 29) }

func (w *World) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// schedule chooses who runs next: root when the run is over.
func (w *World) schedule() *task {
	for {
		if w.err != nil || w.ended {
			return w.root
		}
		if len(w.runnable) == 0 {
			w.advance()
			continue
		}
		t := w.draw()
		if t.done {
			continue
		}
		if t.proc.pausedUntil > w.now {
			t.proc.stalled = append(t.proc.stalled, t)
			continue
		}
		if t.proc.isDue() {
			w.runnable = append(w.runnable, t)
			t = w.reap(t.proc)
		}
		if w.sameMoment++; w.sameMoment > switchesAtOnceMax {
			w.fail("livelock: %d task switches and time stands still", w.sameMoment)
		}
		w.mix(uint64(t.id)<<40 ^ uint64(w.now))
		return t
	}
}

// draw takes one of the runnable tasks.
func (w *World) draw() *task {
	last := len(w.runnable) - 1
	i := 0
	if last > 0 {
		i = int(w.rng.Uint64N(uint64(last + 1)))
	}
	t := w.runnable[i]
	w.runnable[i] = w.runnable[last]
	w.runnable[last] = nil
	w.runnable = w.runnable[:last]
	return t
}

// switchTo lets next run. It returns when somebody lets me run again.
func (w *World) switchTo(me, next *task) {
	w.switches.Add(1)
	w.cur = next
	if next == me {
		return
	}
	next.resume()
	if me == w.root {
		w.awaitRoot()
	} else {
		<-me.wake
	}
}

// awaitRoot waits for the end of the run, and watches from outside that the world moves.
func (w *World) awaitRoot() {
	seen := w.switches.Load()
	watchdog := time.NewTicker(stallMax)
	defer watchdog.Stop()
	for {
		select {
		case <-w.root.wake:
			return
		case <-watchdog.C:
			if now := w.switches.Load(); now != seen {
				seen = now
				continue
			}
			buf := make([]byte, 1<<20)
			buf = buf[:runtime.Stack(buf, true)]
			panic(fmt.Sprintf("sim: seed %d: no task switch for %v: a task loops or blocks outside of its Env\n%s",
				w.seed, stallMax, buf))
		}
	}
}
