// Package explore walks all the states that a model can reach, breadth first, and checks each: the way to a broken
// promise that it shows is a shortest one.
//
// Owns: the search, the set of states seen, traces.
// Does not own: what states, steps and promises are (Model).
//
// # What "all states" means
//
// A state is known again by a 64-bit fingerprint under a random seed, not by its bytes: 12 bytes a state instead of some
// 150. Two states of one fingerprint are taken for one, and what only the second leads to is then missed. With n states the
// chance that there is any such pair is below n²/2⁶⁵: one in 370,000 for ten million states, one in 3,700 for a hundred.
// Each run draws another seed, so what one run missed another one finds.
package explore
