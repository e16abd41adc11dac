// Package latency makes a bucket as slow as a store far away, so that work on latency means something without a cloud:
// any bucket URL takes ?latency=PROFILE. It is for measurements.
//
// Each request waits a time that is drawn anew from a log-normal distribution with the profile's p50 and p99; one in 2,000
// stalls for a second besides. What the profiles say was published by the stores, or measured on them by others:
//
//	              s3-standard      s3-express       gcs
//	              p50    p99       p50    p99       p50    p99
//	PUT ≤ 64 KiB  45     150       8      20        70     250     ms
//	PUT 4 MiB     100    250       25     60        125*   350*    ms
//	GET           30     120       5      15        40     150     ms to the first byte
//	HEAD*         30     120       5      15        40     150     ms
//	LIST*         60     240       10     30        80     300     ms a page
//	DELETE*       45     150       8      20        70     250     ms for up to 1,000 keys
//	GET's body    80               240*             80*            MB/s a request
//
// Those with a star are derived, as no figure was found: a 4 MiB PUT of gcs takes as much longer than a small one as that
// of s3-standard; HEAD is a GET without a body; LIST, which walks an index, is twice that; DELETE is a small PUT; the
// bandwidth of s3-express is that at which its PUTs grow from 64 KiB to 4 MiB, and that of gcs is s3-standard's.
// Between 64 KiB and 4 MiB the quantiles of a PUT grow with the logarithm of its size; past 4 MiB each byte costs what a byte
// did from 64 KiB to 4 MiB.
//
// A write takes effect at the end of its wait; a read tells what was there at the beginning of its own. Of all that a store
// may do, that serves readers worst, and so no figure is better than the store's would be. What the bucket behind takes by
// itself counts as a part of a read's wait, and comes on top of a write's: use mem:// or file:///DIR?fsync=off.
//
// Info says that the clock is steady, as that of these stores is, so that the journal asks for no more listings than it
// would there. Of a bucket in a folder of this machine that is true as long as nobody sets its clock back by half an hour.
//
// Owns: Store, the profiles.
// Does not own: the option in bucket URLs (package open), the warnings that it is on (the agent's); failures (package
// fault).
package latency
