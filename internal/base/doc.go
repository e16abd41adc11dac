// Package base is the ground floor: the identifiers, quantities, error kinds and bounds that every room shares.
//
// Owns: what a topic id, a file reference, an incarnation, a slot or a moment of bucket time is; the kinds an error
// can be of; every named bound.
// Does not own: any behaviour. It has no I/O, clock, randomness or locks, and imports nothing of Millrace.
package base
