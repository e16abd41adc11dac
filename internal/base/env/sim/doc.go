// Package sim is the simulated world: any number of processes in one, under a virtual clock, one seed, and a network
// that can be cut. A run is a function of the program and the seed, bit for bit (promise P9).
//
// A World has processes (Proc), each an env.Env with its own clock and randomness; a process has tasks. One task runs
// at a time. It hands over only where it waits: Cond.Wait, Sleep, a Read, Write, Accept or Dial that blocks. Who runs
// next is drawn from those that can. When none can, time jumps to the next timer. When there is none either, the world
// is deadlocked: Run returns an error that lists who waits where.
//
// Owns: World, Proc, virtual time, the schedule, the in-memory network and its faults.
// Does not own: the bucket. A simulated one stands behind objstore.Store, takes its latency from Proc.Sleep and, as a
// killed process must change nothing any more, asks Proc.Killed before it acts.
//
// # Killing
//
// Proc.Kill ends every task of a process at the point where it waits, by runtime.Goexit, before Kill returns (KillAfter does
// so at any wait, also one of no duration). Deferred
// functions run, as they hold what the rest of the test process needs unlocked, but one that waits ends there and
// then; one that starts a goroutine starts nothing. Connections and listeners break for their peers. A sync.Mutex that
// a task had given to Cond.Wait is locked while the task unwinds, and unlocked afterwards in any case; a deferred
// function that locks it again must therefore come after a deferred Unlock.
//
// # Limits
//
// Goroutines started by others (libraries, a bare go statement) are not part of the world: they must not touch it, and
// what they do is not replayed. Nor may a task block by other means than its Env: on a channel, a file, a sync.Mutex
// that another task holds across a wait (crypto/tls does so when two tasks use one connection). Such a block stops the
// whole world; Run panics with all stacks when nothing moved for a minute.
//
// All methods of World, Proc and what they make are for the world's own tasks, and, while no Run is under way, for the
// goroutine that made the World.
package sim
