// Package objstore is the bucket: the few operations Millrace asks of object storage, the same for every store.
//
// Owns: the Store interface, the kinds of its errors, and (in sub-rooms) the drivers memstore, filestore and s3store,
// the decorators around any of them, the conformance suite that every driver passes, and Open, which makes a Store
// from a bucket URL.
// Does not own: what keys mean or what objects hold.
//
// Two properties are asked of every store and proved at start-up by Probe: PutIfAbsent has exactly one winner, and
// what was written is read (read-after-write) and listed from then on.
package objstore
