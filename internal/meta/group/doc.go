// Package group is the state machine of classic consumer groups and of committed offsets.
//
// Decide reads a State and a Command and says which Events follow and what the Reply is; it changes nothing. Apply is
// the only mutator. The writer of a journal entry decides, appends the events, and every replica applies the same ones.
//
//	Preparing ──all joined, or deadline──▶ Completing ──leader's Sync──▶ Stable
//	    ▲  │                                   │                           │
//	    │  └──nobody left──▶ Empty             │                           │
//	    └──── join, leave, expiry, change ◀────┴───────────────────────────┘   (also from Empty: initial delay)
//
// A group that does not exist is what Kafka calls Dead: the nil *Group, whose methods may be called.
//
// # Asking without writing
//
// Decide may also be called on a published State, from any goroutine. When no events come of it, the reply needs no
// journal entry (a refusal still needs a barrier, which is the caller's matter); when events come, propose the command.
//
// # Waiting
//
// A Reply with Wait says that the answer will stand in a later State: a joiner asks Group.JoinOutcome, a follower's
// sync Group.SyncOutcome, first of the State that has the command's events, then of every newer one, until it is done. A *Group of a published State never changes, so an
// equal pointer in a newer State means an unchanged group.
//
// # Deadlines, sessions and tenders
//
// The end of a join round and of a sync round are state (Group.Deadline, State.Due); whoever watches them proposes Tick.
// Sessions are not: a member's tender hears its heartbeats and proposes ExpireMember. A session starts anew when the
// member's generation changes, when it is adopted, and with each heartbeat, join, sync and commit; a member with New set
// has NewMemberJoinTimeoutMs instead of its session.
//
// # Owns
//
// Membership, generations, protocols, leaders, assignments, deadlines, tenders, committed offsets and their expiry;
// the form of generated member ids; the reading of topic names from consumer subscriptions.
//
// # Does not own
//
// Heartbeats, timers, parked requests (coord); topic names, liveness of agents, configs (they come in); authorization;
// barriers; transactions' pending offsets; groups of the newer protocols.
//
// # Formats
//
// Values are those of base/codec; str is a length and bytes, opt a 0, or a 1 and a str. Commands and events are encoded
// without their tag; their fields stand in the order of the Go struct. Tags 64–127 are this room's, for both.
//
//	snapshot part "group/meta"   | version 1: u8 | digest: u64 |
//	snapshot part "group/<2 hex>"| version 1: u8 | count | group … |   groups whose name hashes to the bucket, by name
//	group  | name str | state u8 | flags u8 | since, deadline varint | generation varint | delay, remaining varint |
//	       | protocol type opt | protocol opt | leader str | count | member … | count | offset … |
//	member | id str | instance opt | client id, host str | session, rebalance varint | tender uvarint | flags u8 |
//	       | count | (name str, metadata str) … | assignment str |
//	offset | topic 16 bytes | partition uvarint | offset, leader epoch, committed, expires varint | metadata str |
//
//	member id   <client or instance id>-<UUID version 7>
//	UUID        | issued: 48 bits ms | 0111 | 12 random | 10 | 30 random | check: 32 bits over group, prefix, the rest |
package group
