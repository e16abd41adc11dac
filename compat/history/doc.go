// Package history holds what Kafka clients were told, and judges it: was anything that was acknowledged lost, doubled,
// moved or put into another order, and was any reader passed over?
//
// It believes nobody but the clients: each writes a line for every acknowledgement, poll, assignment and commit (Event,
// in JSON), and the last of them, the final reader, reads every partition from its start when all others have ended.
// What the final reader was given is the log; the rest is held against it. The checks have the names of Jepsen's Kafka
// workload (jepsen.tests.kafka) where that has them.
//
// Owns: Event; History, which takes events as they come and measures for how long anything stood still; Verify and the
// checks.
// Does not own: the clients (compat/load), and what is done to the agents meanwhile.
package history
