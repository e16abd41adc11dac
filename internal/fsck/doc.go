// Package fsck checks a bucket from the bucket alone: that snapshots, journal, state and data files agree, that every
// checksum is right, and what lies there that nobody refers to. It changes nothing.
//
// Owns: Run, the Report, what counts as damage, as garbage and as normal.
// Does not own: the formats (base/envelope, journal, segment, kafka/batch, meta), repair, the command line.
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
//	                every batch's CRC, and that an extent's batches hold the records the state says; files that ride in journal
//	                entries are looked for there, and those that landed in others are checked with them
//
// The manifest is decoded here a second time, from the description in package journal: a reader of its own that shares
// no code with the writer.
//
// # A bucket in use
//
// Files are listed after the journal was folded, so that every file the state names was uploaded before. Uploads and
// parts of the last hour that nothing names yet are normal. If the journal is truncated under the reader, it begins anew.
//
// Memory: one state, at most bytesAtOnce of file bytes, the extents of some files at a time, MaxProblems problems.
package fsck
