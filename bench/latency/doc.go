// Command latency measures what a produced record waits for, with three whole agents over a bucket as slow as S3, in virtual
// time: exact, the same each time, and a minute of it takes seconds. It asserts nothing.
//
//	go run ./bench/latency [flags]
//
// It prints, for each profile of package objstore/latency and batch time-out, the latency of Produce and that from end to end,
// beside the goals, with riding and hedging off and on: what each of them pays.
//
// # The load
//
// Three agents in one network, ten producers for each. Every producer sends batches of 1 KiB to a partition of its own, at
// random moments, some a second; latency counts from the moment a batch was to be sent. The records of one agent's producers
// are read from the next agent, by one consumer, so that a record has to get from agent to agent before it is read.
//
// The producers are idempotent, as those of Kafka's clients are by default: each asks for its number as it starts, which falls into
// the time to warm up, and numbers its batches.
//
// Time passes in the bucket, in the network (50 to 500 µs one way) and in what waits on purpose. Computing takes none: on a
// machine that is busy all of this takes longer.
//
// Owns: the load, the table. Does not own: the profiles (objstore/latency), virtual time (base/env/sim).
package main
