// Package retry repeats what may be repeated on any bucket: reads, listings, deletions and plain Puts, with growing
// pauses and up to a deadline.
//
// A PutIfAbsent is passed on once and never repeated: a repetition would meet the first try's own object and call its
// success "exists". Who writes conditionally reads back and compares.
//
// Owns: Store, Policy.
// Does not own: the time-out of a single attempt (the drivers'), hedging.
package retry
