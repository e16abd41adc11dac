// Package fsck checks a bucket from the bucket alone: that snapshots, journal, state and data files agree, that every
// checksum is right, and what lies there that nobody refers to. It changes nothing unless it is asked to repair, and then
// only deletes what provably nobody will ever need.
//
// Owns: Run, the Report, what counts as damage, as garbage and as normal, and what of it may be repaired.
// Does not own: the formats (base/envelope, journal, segment, kafka/batch, meta), rules T and S (journal), the command line.
//
// docs/FSCK.md says what it finds and why its repairs are safe.
//
// # What is read
//
//	cluster.json    envelope, id, format
//	snapshot/*      all of them with all their parts; each must restore to a state that passes its own Check and has the
//	                manifest's digest
//	journal/*       from the oldest point on that everything after is still there: checksum, number, chain; void entries
//	                are named; digests carried in entries, and every snapshot that is passed on the way, are held against
//	                the state folded so far
//	data/*          each file the state refers to: there, of its size, and, unless Quick, whole: envelope, index, chunks,
//	                every batch's CRC, that an extent's batches hold the records the state says, and that no byte is
//	                claimed twice; files that ride in journal entries are looked for there, and those that landed in others
//	                are checked with them
//
// The manifest is decoded here a second time, from the description in package journal: a reader of its own that shares
// no code with the writer. Then the journal is read once more, as an agent does that starts now: by package journal, with
// its rules of what may be believed. Both readings must come to the same state; data files are held against the second.
//
// # A bucket in use
//
// Files are listed after the journal was read, so that every file the state names was uploaded before. Uploads and
// parts of the last hour that nothing names yet are normal. If the journal is truncated under the reader, it begins anew.
// Files that are merged into others or trimmed away while it reads are deleted by agents: before a file is called lost or
// damaged, the second reading goes on to the journal's end, and is asked whether anything is left of it.
//
// Memory: two states while the journal is read, one after, and another where the second reading went on; at most bytesAtOnce of
// file bytes, the extents of some files at a time, MaxProblems problems.
package fsck
