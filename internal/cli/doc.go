// Package cli holds the client-side commands: topic, group, produce and consume, as constructors that the composition
// root adds to its own command tree.
//
// Owns: their flags, tables and JSON (field names are stable: others script against them), and the wording of errors.
// Does not own: anything of an agent. The commands speak plain Kafka through franz-go, so they work against any Kafka
// cluster, and they import no other room. They are programs of a person's machine: goroutines and the machine's clock
// are used freely here.
//
// Output goes to the command's stdout, everything that is not output (progress, warnings, summaries) to its stderr.
// With --json every command prints JSON lines: one object per topic, group, partition or record, as its help says.
//
// A command returns its error instead of printing it; ExitCode says how the process should end: 0 done, 1 failed,
// 2 called wrongly.
package cli
