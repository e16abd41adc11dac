// Package env is everything that blocks or surprises: the clock, randomness, goroutines, waiting, connections.
//
// Floors 3 to 7 wait only through an Env, so that a whole cluster runs in one process under a virtual clock and one
// seed and replays bit for bit (promise P9). Two implementations: Real, over the runtime and the operating system, and
// sim.World's (package env/sim), which runs one goroutine at a time, chosen by the seed.
//
// Owns: Env, and what is built on its one waiting primitive, Cond: Queue, Future, Mutex, Semaphore, Group, Watch,
// Stopper.
// Does not own: the bucket (a simulated one stands behind objstore.Store).
//
// A sync.Mutex may guard memory on any floor, but must never be held across a wait of this package, other than the
// Cond.Wait that releases it. Around a Cond.Wait, unlock it by defer: in a simulation a killed process unwinds from
// there.
//
// Every deadline is a reading of the Env's own Now plus a span; the zero time means "wait for ever".
package env
