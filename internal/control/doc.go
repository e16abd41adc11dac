// Package control runs the state machine over the journal: it is the one place of an agent where entries are proposed,
// followed and turned into Views.
//
// Owns: the agent's copy of the state and its publication; its incarnation and the numbers of its commands; who
// proposes to whom (the sequencer of a network domain, courtesy between domains); barriers; when snapshots are taken
// and the journal is truncated; the agent's own liveness and the expiry of others.
// Does not own: the rules (package meta), the slots (package journal), the wire between agents (package peer, through
// the interface Peers).
// What rides in an entry is handed to the cache before the View that speaks of it is published (Config.Rode), and can be read
// from the bucket later (ReadRiders); the slots of riders are spared by truncation.
//
// One goroutine, the loop, owns the state and the Log. It waits for work (commands, barriers, entries from a peer's
// stream, the tick of liveness), does one thing at a time, and waits for the store inline: while an entry is on its way
// there is nothing else to be done for the journal. Everybody else reads Views.
//
// # A command's way
//
// Propose gives it the next number of this incarnation and queues it. The loop, or the sequencer it is forwarded to,
// decides it against a fork of the state and writes the outcome down in an entry, with those of all others that wait.
// Whoever wrote it, the reply is taken from the entry once that is believed and applied. If the sequencer cannot be
// reached the agent writes by itself: a repeat is recognised by its number.
//
// One round of the loop writes at most one entry, so that neither this agent's clients, nor followers, nor those who wait
// for barriers starve. What follows from a command and fits no entry is refused with base.MessageTooLarge: a command
// without an outcome would hold up all behind it on every agent.
//
// A commit of an offset that one through another agent has overtaken, since its request came, is refused (RFC 2).
//
// If the agent finds itself expired, what became of its commands is unknown: they fail with base.OutcomeUnknown, and it
// registers anew under another incarnation.
//
// # Who lives
//
// Active agents renew every 3 s, by the local clock; expiry is proposed by the bucket's time only. One whose link broke is
// expired once it has not shown itself in the journal for lifeSign. An idle agent without a link is challenged when a
// client asks where to turn to (Suspect): it sees that at its next look and renews, or is expired.
package control
