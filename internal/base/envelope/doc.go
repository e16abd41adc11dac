// Package envelope is what every object of a Millrace bucket is wrapped in, so that one look tells a foreign object
// from a damaged one, from one of another kind, and from one that a newer Millrace wrote.
//
//	offset  bytes  field
//	     0      4  magic: MRCL, MREN, MRSN, MRPT or MRSG (cluster, entry, snapshot, part, segment)
//	     4      2  format version of this kind, little-endian, from 1
//	     6      1  kind: 1 cluster, 2 entry, 3 snapshot, 4 part, 5 segment
//	     7      1  zero
//	     8      4  key id, little-endian: 0 = the body is plain
//	    12      n  body: the kind's own format
//	  12+n      4  CRC32C (Castagnoli) of everything before it, little-endian
//
// These sixteen bytes never change, whatever the format version: an older Millrace can always tell that an object is
// whole, what it is, and which version it would need.
//
// Owns: those bytes, the numbers of kinds, the newest version of each kind that this program reads.
// Does not own: any body, encryption, or where objects are stored.
package envelope
