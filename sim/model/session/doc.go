// Package session models who an agent is: registration, numbered commands, expiry of an agent that lives, and what its
// clients are told.
//
// It takes from sim/model/journal that there is one order of entries, and that an entry is valid only if it was decided on
// the state right before it. So the journal is a list here, and an entry under way is dropped once another one has its
// place: it would be void.
//
// Agents: start, register under a random nonce, number their clients' commands, write them down or forward them to be
// written by others, crash, sleep, read entry by entry or load a snapshot, and propose the expiry of others at any time,
// for no reason.
//
// Not in it: leases and clocks (expiry needs no reason here).
package session
