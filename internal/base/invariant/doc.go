// Package invariant is how code says what must be true. A broken invariant is a bug of Millrace, never a matter of
// input: it panics, so that the process dies before it writes something that follows from a falsehood.
//
// Owns: Check, and the switch for costly checks. Does not own: the invariants, which stand where they hold.
package invariant
