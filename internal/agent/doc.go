// Package agent puts the rooms of one agent together: it is the composition root as a package, so that the command and
// the simulation run the same wiring.
//
// Owns: the order in which an agent's rooms start, drain and stop; how its memory is shared out; its addresses.
// Does not own: any rule, protocol or format; flags and settings (cmd/millrace).
package agent
