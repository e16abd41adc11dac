// Package cache keeps parts of data files in memory, so that a byte is read from the bucket once for all who ask for it.
//
// What is kept is a span: a range of a file that one GET brought, or a whole file that this agent has just uploaded (but into a
// folder), or that rides in a journal entry it has seen. A file that rides is kept under its own name, wherever its bytes came from.
// Spans of a file do not overlap. A read takes the spans that it needs, has what lies between them loaded in as few
// GETs as possible (one for all who wait for it), and holds them until its bytes are written to the client: bytes are
// handed out by reference and never copied or changed.
//
// Where the bucket is a folder, nothing of it is kept: a span is then a file that is held open, and what a client is sent of it
// goes there from the kernel's own memory (sendfile). What is looked at, or is too little for that, is read into memory for the moment,
// with what lies beside it if the same answer wants that, too (strip.go); before it is looked at for the first time the kernel is told of all that the
// answer wants near it (expect.go). A file that nobody reads is closed after some minutes.
//
// Beside the spans lies an index for each extent that was read: where its batches begin, and that their CRC was found
// right. It is filled from the extent's beginning on as far as readers come, and forgotten with the first of the bytes
// it speaks of, so that every batch is checked once for each time that its bytes come from the bucket. What is known of a short
// extent becomes a few numbers in a map (settled.go): with many partitions there are very many of these.
//
// Whether a batch bears the offset that the log gave it is seen at the same look, and told of an extent's first batches: no checksum
// vouches for that.
//
// Bytes that are not what was written are read from the bucket once more. If they are wrong again, the damaged batch is an
// error, and the sound ones before and behind it are served: those behind it only if all batches of the extent come to what the
// state says of it, since the damage may lie in the length or the offsets of a batch. That a batch is damaged, and that a file
// is missing or cut short, is believed for some seconds, however many ask.
//
// Owns: the memory budget and what leaves it first (the least recently used); single flight; the size and alignment of
// GETs; the check of batches; reading damaged bytes once more.
// Does not own: which batches a fetch wants (package fetch), extents and offsets (meta/log), retries of GETs
// (objstore/retry), the zone's owners of blocks.
package cache
