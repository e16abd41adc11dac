// Package host knows the machine a bench runs on: what its processors and file systems are called, how to keep a process on
// some of its cores, what the kernel says of a process, and how to build millrace.
//
// Owns: what the commands of bench/ share about the machine.
// Does not own: servers and loads; those are the commands' own.
package host
