// Package batch reads, checks and writes Kafka's record batches, format version 2 (magic 2), in place: a batch is the
// slice of bytes it arrived in.
//
//	offset  bytes  field (big-endian; source: Kafka documentation, "Message Format")
//	     0      8  base offset              0 from clients; the log's at fetch (docs/rfcs/0004-foreseen-offsets.md)
//	     8      4  length of what follows
//	    12      4  partition leader epoch   set at fetch
//	    16      1  magic = 2
//	    17      4  CRC32C of everything from offset 21
//	    21      2  attributes: bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
//	    23      4  last offset delta
//	    27      8  base timestamp, ms
//	    35      8  max timestamp, ms
//	    43      8  producer id, -1 = none
//	    51      2  producer epoch
//	    53      4  base sequence
//	    57      4  number of records
//	    61      n  records, compressed as one stream
//
//	record:  length, attributes (1 byte), timestamp delta, offset delta, key length (-1 = null), key,
//	         value length (-1 = null), value, number of headers, each: key length, key, value length (-1 = null), value
//	         (all lengths, deltas and numbers are zig-zag varints)
//
// Base offset and leader epoch lie outside the CRC, so that uploaded bytes need no new checksum when a fetch sets them.
//
// Owns: that layout; what Apache Kafka accepts from a client (Validate, Survey); the bounds on decompression.
// Does not own: offsets and sequences as the log knows them, topic configs, the Produce request around the batches.
//
// Memory: a walk over compressed records streams through pooled readers and holds one window, never the whole: at
// most 8 MiB for zstd, 4 MiB for lz4, 64 KiB for gzip, a block for xerial snappy, which Java writes with 32 KiB. Raw snappy blocks and
// zstd frames with a larger window cannot be streamed; they are decoded whole. No block is larger than MaxBlockBytes, and no walk
// goes on after MaxDecompressedBytes.
package batch
