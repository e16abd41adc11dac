// Package member models who may end a group member's session: the tender, the agent incarnation that hears its heartbeats;
// or whoever adopts it once that one is expired.
//
// One member beats in every tick, to the agent it takes for its tender, and asks another one when that fails. Agents sleep,
// lag behind, are expired though they live, and register anew. As in package session the journal is a list of decided
// entries, each appended by an agent that has applied all before it.
//
// Assumed: who wakes up applies what others wrote before it serves (its renewal, overdue by then, makes it), and while awake
// within a tick. Not in it: generations, rebalances, crashes (who crashed is like who sleeps and then finds itself expired).
package member
