// Package log is the state machine of topics, partitions, extents, producers and files.
//
// Owns: which topics exist and how they are configured; for every partition its log start offset, high watermark,
// leader epoch and the extents that say where its bytes lie; the sequence windows of idempotent producers; the table
// of data files with their reference counts. Decide turns a command into events and a reply without changing
// anything; State.Apply is the only mutator, live, at replay and in simulation.
// Does not own: groups, transactions, agents (its sibling rooms), who may do what, and any I/O, clock or randomness:
// time and random ids come in with the commands. Package meta composes the rooms.
//
// A State is a persistent value. Fork is O(1): the fork shares its structure, and once forked the old value never
// changes again, so other goroutines read it without locks. That is what a View is. An Apply copies what it touches,
// once per fork.
//
// # Extents
//
// An extent is a run of whole record batches of one partition that lie side by side in one data file. Extents are kept
// in offset order in pointer-free chunks of up to ChunkExtents; only the last, not yet full chunk is ever copied.
//
// # Formats
//
// Commands and events are a tag byte (1–63 in this room) and the fields in order, in the encodings of base/codec;
// command.go and event.go are their specification. Snapshot parts are described in snapshot.go.
package log
