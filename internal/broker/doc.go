// Package broker serves the Kafka protocol: connections, dispatch, and one file for each API key.
//
// Owns: the frames of a connection and the memory they take; the order of answers; the table of what is served (api.go),
// from which ApiVersions, docs/KAFKA.md and tests derive; what of the engine clients see and in which words: names and
// ids, which agent a client is sent to (place.go), Kafka's error codes and messages.
// Does not own: what is decided (meta, through control), how records get into the log (ingest) and out of it (fetch),
// groups' timers and parked answers (coord), who may do what (Authorizer).
//
// # A connection
//
// One goroutine reads a frame, after its bytes were reserved from the memory budget, has it handled and writes the
// answer; then it reads the next. Only Produce goes on: its answer is left to a second goroutine, and the next request is
// read at once; a request of another kind waits until all Produces before it are answered. So answers leave in the order
// of the requests, as clients demand, and a producer's batches get into the log in the order it sent them.
//
// A large Produce is read in pieces, and a batch surveyed when it has come whole (surveys.go): checksum and records are looked at while
// they are in the processor's caches.
//
// # Negative answers
//
// A View may lag behind other agents. That a topic, partition, id or epoch does not exist is said only from a View read
// behind a barrier (query.certainly).
package broker
