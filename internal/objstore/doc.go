// Package objstore is the bucket: the few operations Millrace asks of object storage, the same for every store.
//
// Owns: the Store interface, the kinds of its errors, the rules for keys and ranges, and (in sub-rooms) the drivers
// memstore, filestore and s3store; the decorators retry, hedge, meter, latency (for measurements) and fault (for tests); open,
// which makes a Store from a bucket URL; probe, the proof at start-up; conformance, the suite that every driver passes;
// s3test, a real S3 server for tests.
// Does not own: what keys mean or what objects hold.
//
// Two properties are asked of every store and proved at start-up by package probe: PutIfAbsent has exactly one winner, and
// what was written is read (read-after-write) and listed from then on.
package objstore
