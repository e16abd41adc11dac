// Package model checks the rules of the design exhaustively: small worlds of agents and a bucket, in which everything that
// can happen, in any order, does. It shows that the rules as written keep the promises in every state, and that each rule
// is needed: left out, a promise is broken, and the shortest way to that is printed step by step.
//
//	go test ./sim/model/...                      what CI runs: the worlds of Worlds, and Needed
//	go run ./cmd/millrace-model                  the same, as a table
//	go run ./cmd/millrace-model -deep            and the worlds of Deep: six minutes on an idle machine, and 3 GB
//	go run ./cmd/millrace-model -without NAME    one rule left out: the trace. -list gives the rules
//
// The models, each readable by itself:
//
//	journal    slots, chain, pipelining, rules R and T, the command table, streams, forwarding, barriers
//	session    registration, numbered commands, expiry of agents that live
//	cluster    two founders, a wiped prefix, a lost cluster.json
//	member     tenders of group members, their expiry and adoption
//	parts      rule S: snapshots that share parts, and the sweep
//	explore    the search they share
//
// What a world proves it proves for its bounds: so many agents, slots, commands, PUTs, crashes and snapshots. Bugs of
// protocols show in small worlds: each rule that is left out here breaks a promise within some twenty steps.
//
// The models are not the product: they show that the rules are right. That internal/journal keeps them is for its own tests
// and the simulation (package sim) to show.
//
// Owns: which worlds there are, and which of them needs which rule.
// Does not own: the models, the search.
package model
