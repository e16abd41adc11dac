// Package plant names the rules of the protocol that the simulation leaves out one at a time, to see that it notices:
// bugs planted on purpose.
//
//	e.Void = e.Prev != l.chain && !plant.LeftOut(plant.ChainCheck)
//
// Without the build tag "plant" LeftOut is false and nothing can make it true; the compiler drops what depends on it, and
// a test of this package holds that of the command's binary. With the tag, Leave sets the one rule that the process leaves
// out.
//
// Owns: the names, the switch. Does not own: the rules, which stand where they hold; the list of planted bugs, and what
// must find them (sim).
package plant
