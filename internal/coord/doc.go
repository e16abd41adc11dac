// Package coord is the soft side of classic consumer groups: who waits for an answer, who was heard from and when, and
// which deadline has to be called.
//
// Owns: parked joins and syncs; the sessions of the members this agent tends; when a deadline is called, a session
// ended, a dead agent's members adopted, offsets looked through for expired ones; where FindCoordinator sends clients.
// Does not own: the rules (meta/group, decided through control), the wire (broker), offset fetches (any View answers).
//
// # Any agent serves any group
//
// A request is decided by the View where its answer needs no journal entry, else by one (ask). A refusal by the View
// alone counts only after a barrier: the View may lag. Joins and syncs that have to wait are parked by the agent that
// holds the connection, and looked at again whenever a View with a new value of their group is published, whoever wrote it.
//
// # Sessions
//
// A member's tender, an agent's incarnation, is state; the session is not. It is a local time that each join, sync,
// heartbeat and commit moves on. An idle group therefore costs the bucket nothing. Sessions begin in full:
//
//	a member is new to this agent (it joined, was adopted, or the agent started)    its generation changed
//	it does not wait for the round's end any more                                  this process itself had stalled
//
// A heartbeat that comes to another agent than the tender makes that agent the tender before it is answered.
//
// # Who calls
//
// Deadlines, and the adoption of members whose tender is gone, fall to one agent at once and to each further one a
// little later, so that a journal entry is written once and yet nobody is waited for in vain. Doing it twice is harmless.
package coord
