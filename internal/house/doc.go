// Package house holds the rules of the house, as tests over the module's own source: which room may import which
// (layers), and what must not be used where (bans).
//
// Owns: the table of floors, the tables of bans and of their exceptions, each with its reason.
// Does not own: anything that runs outside of tests.
package house
