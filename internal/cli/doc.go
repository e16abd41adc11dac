// Package cli holds the client-side commands: topic, group, produce, consume and bench, as constructors that the composition
// root adds to its own command tree.
//
// Owns: their flags, tables and JSON (field names are stable: others script against them), and the wording of errors.
// Does not own: the load of bench, its check and its figures (load); anything of an agent. The commands speak plain Kafka
// through franz-go, so they work against any Kafka cluster, and of other rooms they import load alone. They are programs of
// a person's machine: goroutines and the machine's clock are used freely here.
//
// Output goes to the command's stdout, everything that is not output (progress, warnings, summaries) to its stderr.
// With --json every command prints JSON lines: one object per topic, group, partition or record, as its help says
// (bench, which has a result of its own, into a file).
//
// A command returns its error instead of printing it; ExitCode says how the process should end: 0 done, 1 failed,
// 2 called wrongly.
package cli
