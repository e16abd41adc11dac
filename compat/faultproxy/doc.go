// Package faultproxy stands between one client and an S3 server and makes the way there as bad as it is told to: slow with
// a heavy tail, cut before the request or after it was done (the ambiguous PUT), a PUT that arrives long after its sender
// gave up, S3's error answers, little bandwidth, no answer at all.
//
// A fault happens to a request as a whole, so that a client meets exactly what is counted. A signed request stays valid:
// host and headers are passed on as they came.
//
// Owns: Proxy, Weather (what may happen, and how often), the draw of it: the n-th request of a proxy meets the n-th draw
// from its seed.
// Does not own: when the weather changes (compat/chaos).
package faultproxy
