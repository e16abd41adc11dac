// Package meta composes the state machines of floor 2 into the one state that the journal folds to.
//
// Owns: State, and Decide and Apply over it; the sessions, by which every command of an agent happens exactly once;
// the payload of a journal entry; which snapshot part belongs to which room; what one room's command means to another
// (a deleted topic's offsets go with it).
// Does not own: the rules of topics, groups and agents (meta/log, meta/group, meta/admin), the journal's slots and
// chain (package journal), and any I/O, clock, randomness or lock.
//
// A published State is a View: it never changes again, and anyone may read it.
//
// # Payload of an entry
//
//	count of outcomes
//	  from        uvarint   incarnation that bore the command, 0 for a registration
//	  number      uvarint   of the command within its incarnation, from 1
//	  watermark   uvarint   the sender has the verdicts up to here
//	  verdict     bytes     room byte (1 log, 2 group, 4 admin) and the room's reply
//	  events      count, then each: tag byte, body as bytes
//
// Tags tell the room: 1–63 log, 64–127 group, 128–191 transactions, 192–255 admin.
//
// # Snapshot
//
// The parts of all rooms, and this one's own: "meta" with slot, time, digest and the sessions, "meta/verdicts/NNNN" with
// the verdicts kept for them; snapshot.go is their specification.
package meta
