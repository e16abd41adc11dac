// Package segment is the data file: what agents upload to data/<2 hex>/<ULID>, or let ride in a journal entry. It holds, partition by
// partition, the batches that producers sent, and an index of them. One that was made of riders holds those of each rider side by side.
//
//	offset     bytes  field (all little-endian)
//	     0        12  envelope header (base/envelope): magic MRSG, format version 1, kind 5, key id
//	    12         1  store id: the bucket of the cluster that the file was written for
//	    13         3  zero
//	    16         n  chunks, one after another, in the order of the index
//	  16+n  e × 36    index, an entry for each chunk:
//	                       0  16  topic id
//	                      16   4  partition, ≥ 0
//	                      20   8  position of the chunk in the file
//	                      28   4  length of the chunk, ≥ 1
//	                      32   4  CRC32C of the chunk
//	             8        footer: position of the index
//	             4        footer: number of entries e
//	             4        footer: CRC32C of the index and of the 12 bytes of the footer before this
//	             4        CRC32C of everything before it (envelope trailer)
//
// Chunks leave no gaps, so that an index is either that of its file or does not fit. A chunk is opaque here: ingest
// puts whole record batches in it, as they came from the client, but for base offset and leader epoch: these are what they will
// probably be in the log. Only the state says what they are (docs/rfcs/0004-foreseen-offsets.md). A reader of one chunk needs neither header nor footer:
// the state knows position and length; the chunk's own CRC, and the CRC in every batch, vouch for the bytes.
//
// Owns: the layout, its writer and its readers, and the key that a file reference has in the bucket.
// Does not own: what is in a chunk, who draws a file's ULID, storage, the state's extents, encryption.
package segment
