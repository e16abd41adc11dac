// Command numbers measures what Millrace promises in figures, and prints them beside the goals. It asserts nothing: a
// figure depends on the machine and on what else runs there.
//
//	go run ./bench/numbers [flags] [startup|state|apply|idle|memory|all ...]
//
//	startup  from the start of the built binary to /readyz: on an empty file bucket, and on a state of 1,000,000 extents
//	state    bytes of memory for each thing the state holds
//	apply    partition-appends a second on one core
//	idle     requests to the bucket per minute while one idle consumer group is attached
//	memory   memory, CPU and latency of an agent that moves 100 MB/s in and out
//
// The binary is built once, without cgo, into a folder that is removed in the end.
//
// Owns: the measurements and the goals. Does not own: Go benchmarks of single functions, which stand in their packages
// (go test -bench . ./internal/...).
package main
