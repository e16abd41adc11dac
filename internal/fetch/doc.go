// Package fetch serves readers: which extents a Fetch is about, when there is enough to answer, and the bytes.
//
// Owns: the plan (a pure function of the View); waiting for records; cutting at batch boundaries and the limits of
// KIP-74; setting base offset and leader epoch, which lie outside a batch's CRC; fetch sessions (KIP-227); looking for
// records by time; the alarm about data files that are damaged or missing.
// Does not own: the bytes in memory and their check (package cache), names, authorisation and the protocol (package
// broker), what is in the log (meta/log).
//
// A Fetch goes: session → plan → if the plan would deny something, a barrier and a new plan → if there is too little,
// wait until a View brings records of one of the partitions, and plan anew what has changed → prefetch what the plan names → take whole
// batches up to the limits. Where there are thousands of partitions, nearly all that an answer costs is going through them: it does that in
// the order in which they lie in files and in the state, and begins where the answer before ended. A row of batches that bear their offsets already, as ingest foresaw them, is sent from the cache's
// memory, which is held until Response.Release. Of any other batch of some size 16 bytes are written anew, for its offset and
// leader epoch, and the rest is sent so. What is small is copied.
//
// An answer takes its share of a budget for what it has in memory, copied or by reference, until it is written; that bounds all but its
// first batch. What is sent out of open files takes next to nothing and may be as much as the client asks for, as long as no more than half of
// the cache is held; beyond that it is as if in memory, so that it can be copied, and clients that do not read keep no files from others.
//
// What cannot be read is an error of its partition alone. A file that is gone may have been trimmed away meanwhile: the Fetch is
// planned once more behind a barrier, and only what is still named then is lost.
package fetch
