// Package journal is the one order of a cluster: numbered entries in a bucket, each created if absent and chained by
// hash to the one before it, and snapshots of the state between them. It knows bytes, not their meaning.
//
// Owns: the objects cluster.json, journal/, snapshot/ and part/ and their formats; who wins a slot; what an observation
// of a slot is worth (rule R); what may be deleted and when (rule T, rule S); the bucket's time.
// Does not own: what entries and parts say, when to snapshot, who proposes to whom, streams between agents.
//
// docs/rfcs/0001-journal.md gives the rules with their reasons.
//
// Every object is wrapped by package envelope. Numbers are little-endian, varints are codec's. The bodies:
//
//	cluster.json            JSON: {"id": "<22 characters>", "format": 1}
//
//	journal/<20 digits>     offset  bytes  field
//	                             0      8  slot: that of the key
//	                             8     32  prev: SHA-256 of the previous valid entry's object; of slot 1: the genesis,
//	                                       SHA-256("millrace genesis" + cluster id)
//	                            40      4  writer's incarnation
//	                            44     16  attempt id: random, one for each entry proposed
//	                            60      8  bucket time, milliseconds
//	                            68      2  feature level
//	                            70      8  digest's slot; 0 = no digest
//	                            78      8  digest of the state after that slot
//	                            86      n  payload
//
//	snapshot/<20 digits>    slot u64, chain hash 32 bytes, state time i64, state digest u64, deadline i64 (milliseconds of
//	                        bucket time: see rule S), cluster id string, number of parts uvarint; each part: key string,
//	                        object hash 32 bytes, body hash 32 bytes, body size uvarint
//
//	part/<64 hex digits>    16 random bytes (the making that wrote it), then the part's body. The name is the SHA-256 of
//	                        the whole object, so no two makings ever write the same name.
//
//	scratch/<32 hex digits> an empty object, to learn a file store's time; deleted at once
package journal
