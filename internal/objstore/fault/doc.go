// Package fault makes a bucket fail on purpose, for tests: errors before the work, answers lost after it, and writes
// that land late.
//
// Owns: Store, Fault.
// Does not own: random faults and delays (the simulated bucket's).
package fault
