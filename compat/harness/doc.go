// Package harness runs what the suites of compat/ test: real Millrace agents as processes of their own, and real
// Kafka clients against them.
//
// Owns: building the binary, starting, killing and restarting agents on free ports of 127.0.0.1, their logs (kept, and
// shown when a test fails), and running clients that are not written in Go.
// Does not own: what is expected of the agents; that is the suites' part.
//
// The target is exchangeable, so that a test is checked before it accuses Millrace of anything:
//
//	MILLRACE_COMPAT_TARGET=millrace   Millrace agents (default), as many as the suite asks for
//	MILLRACE_COMPAT_TARGET=kafka      one Apache Kafka broker in KRaft mode; what fails there is the test's fault
//
// MILLRACE_COMPAT_STORE=file|s3 (default file) names the bucket of suites that do not care. MILLRACE_TEST_ALL=1 adds
// what takes long.
package harness
