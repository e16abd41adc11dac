// Package sim runs whole clusters from one seed and breaks them: the production code of several agents, a simulated
// bucket, clients with the habits of the real ones, and an auditor who holds what each client was told against what
// everybody sees. The same seed gives the same run, task switch by task switch.
//
// Owns: the bucket of a world and its faults (Bucket, Faults); the clients (producer, reader, committer; meddler and hasty, who propose;
// consumer, member, observer and vandal over Kafka's protocol); what is done to the agents (nemesis.go); the promises and
// their checks (Auditor); the marks that show what happened; the planted bugs, and the cases that are kept.
// Does not own: virtual time, scheduling and the network (internal/base/env/sim).
//
// # How agents run
//
// Three of five seeds run agents up to ingest, put together here: journal, control, peers over the simulated network, retries
// over the bucket. Their clients hand requests to ingest and control through connections of their own (type conn), which keep
// order and can break: no layer softens what the rooms below are asked.
//
// Two of five run whole agents (internal/agent), as cmd/millrace starts them. Their clients speak Kafka's protocol over the
// simulated network (line, kafka): the same producers by another path (kafkaPath), consumers with and without fetch sessions
// (consumer), groups (member). A third of the clients speak older versions.
//
// # The bucket
//
// A request is done at one moment of its way there and back, in the bucket's own process: its sender may be paused, dead or
// have given up by then. What it may do is listed in Faults; each seed draws its own mixture. A conditional create is decided
// at the moment it lands, also when that is minutes late. Bodies are read as they are at that moment.
//
// In a seventh of the worlds the bucket is a folder: its objects are opened as files, requests are not hedged, and what lands after its
// sender had an answer, or gave up, is what the body was then.
//
// # Reading a failure
//
// A run that breaks a promise says which (Violation.Check), and how to replay it:
//
//	go run ./cmd/millrace-sim -log -seed N
//
// With -shrink in place of -log it looks for a smaller run that breaks the same promise, and keeps it as a Case in
// testdata/regressions, which a test replays from then on.
//
// # Planted bugs
//
// Whether all this would notice a bug is shown by planting some, with the build tag "plant": at the seams, a broken bucket
// under an agent or a broken journal between control and ingest (plant_seams.go), of which the product knows nothing; and
// within rooms, by leaving out a rule (plant_rules.go, internal/base/plant). Each is to be found by the auditor within the
// standard seeds. What the product finds wrong by itself does not count for that: an agent that gives up is started anew.
//
//	go test -tags plant ./sim -run Planted
//	go run -tags plant ./cmd/millrace-sim -plants
package sim
