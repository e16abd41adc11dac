// Command cost carries measured costs of single operations to loads that no single machine has: agents, journal entries,
// requests, dollars an hour, and what breaks first.
//
//	go run ./bench/cost [flags]                               # the page docs/COST.md, or --json
//	go run ./bench/cost collect numbers.json scale.json …     # measured.json anew, from what bench/numbers and bench/scale print with --json
//
// The page from scratch, on an idle machine:
//
//	go run ./bench/numbers --json apply state > numbers.json
//	go run ./bench/scale --json records s3 fanout producers state > scale.json   # or all
//	go run ./bench/cost collect numbers.json scale.json > measured.json && mv measured.json bench/cost/
//	go run ./bench/cost > COST.md && mv COST.md docs/
//
// Everything that it prints is calculated, from three kinds of inputs that it prints as well: measured ones (measured.json,
// each with the command that measures it), prices, and assumptions about machines and the load. docs/COST.md is what it prints
// without flags; a test holds it to that.
//
// Owns: the calculation, prices, assumptions. Does not own: the measurements (bench/numbers, bench/scale), the speed of stores
// (internal/objstore/latency).
package main
