// Package offheap gives memory that the garbage collector knows nothing of: it comes from the system and goes back there.
//
// Go's collector lets the heap grow to about twice what is in use. For memory that is large, has no pointers and whose end is known that is
// a waste of as much again: requests under way, and what is on its way to the disk.
//
// Owns: mapping, handing back, and how much is in use at this moment. Where there is no mapping (other systems than Linux, or the system has
// none to give) rooms are of Go's heap, and there is no huge memory.
// Does not own: budgets, and when memory is not looked at any more. Who gives a room back and looks at it all the same sees zeros, or what
// somebody else has put there; the race detector sees nothing of it. Huge memory that was given back is not there any more.
package offheap
