// Package ingest turns the batches of all connections into data files and brings them into the order.
//
// Owns: the open segment that batches gather in; when it is sealed; whether it rides in the journal entry that commits it, or is
// uploaded; the order in which sealed segments are committed; the parking of batches whose predecessor is still under way.
// Does not own: the validation of batches (kafka/batch, by the broker), the verdict on each (meta/log, through control),
// the format of data files (segment).
//
// # A batch's way
//
// Append puts batches into the open segment. It is sealed when its first batch is BatchTimeout old, when it holds
// BatchBytes, or early when nothing has arrived for a sixteenth of BatchTimeout, or it holds 2 MiB (4 MiB for the last PUT of
// a burst), and the budget of PUTs has a token. Its batches lie by topic and partition.
// Sealed segments upload in parallel and are committed in seal order, so that the order in which Append was called is
// the order in the log. The result of a batch is the verdict in the journal entry. A small segment is not uploaded: the
// command that commits it bears its bytes (docs/rfcs/0003-riders.md). In the file each batch bears the offset that it will
// probably get (docs/rfcs/0004-foreseen-offsets.md). A bucket that is a folder is given the file as the batches lie, any other a
// copy in one piece.
//
// # Parking
//
// An idempotent producer that moves between agents, or whose requests overtake each other, sends batches whose sequence
// number leaves a gap to what this agent knows. Such a batch is parked, at most parkFor, until the one before it is in
// the log or in the open segment; then the journal judges it as it stands.
package ingest
