// Package meter counts what is asked of a bucket: requests, bytes, failures and latency, by operation. Put innermost,
// right around the driver, it counts every attempt, which is what a bucket's owner pays for.
//
// Owns: Store, Snapshot, the bounds of the latency buckets.
// Does not own: how the numbers are shown.
package meter
