// Package crc32c is the one checksum of Millrace's formats and of Kafka's record batches: CRC32C, the Castagnoli polynomial. What was
// checked once need not be read again to check what it becomes part of: Append works on the sums.
//
// Owns: that arithmetic.
// Does not own: where checksums lie, and who has to check them.
package crc32c
