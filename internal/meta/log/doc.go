// Package log is the state machine of topics, partitions, extents, producers and files.
//
// Owns: which topics exist and how they are configured; for every partition its log start offset, high watermark,
// leader epoch and the extents that say where its bytes lie; the sequence windows of idempotent producers; the table
// of data files with their reference counts. Decide turns a command into events and a reply without changing
// anything; State.Apply is the only mutator, live, at replay and in simulation.
// Does not own: groups, transactions, agents (its sibling rooms), who may do what, and any I/O, clock or randomness:
// time and random ids come in with the commands. Package meta composes the rooms.
//
// A State is a persistent value. Fork is O(1): the two share their structure, and neither sees what is applied to the
// other, so a state that was published is read by other goroutines without locks. That is what a View is. An Apply copies
// what it touches, once per fork. One goroutine forks and applies.
//
// # Files
//
// A file is an object of its own, or rides in the journal entry that committed it (its bytes are in the event, never in the
// state), or has landed in another file since. Extents name files by number and do not change when a file lands.
//
// # Extents
//
// An extent is a run of whole record batches of one partition that lie side by side in one data file. Extents are kept
// in offset order in packed chunks of ChunkExtents, which never change, and a tail that grows behind what older
// versions see of it: an append copies no extents but now and then.
//
// # Producers
//
// A partition keeps its idempotent producers in one array without pointers, or, where there are many, in chunks of a
// B-tree. An append copies one array.
//
// # Formats
//
// Commands and events are a tag byte (1–63 in this room) and the fields in order, in the encodings of base/codec;
// command.go and event.go are their specification. Snapshot parts are described in snapshot.go.
package log
