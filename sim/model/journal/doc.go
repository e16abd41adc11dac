// Package journal models the journal as design and RFC 1 have it: agents that write entries into the slots of a bucket,
// each created if absent and chained to the one before; rule R, what may be believed of a slot; snapshots and rule T, what
// may be deleted; the stream and the forwarded commands between peers (RFC 2); barriers.
//
// To be read in this order:
//
//	world.go    the bounds of a world, and what an agent can do next
//	state.go    all there is to know at one moment
//	history.go  entries, their chain, the commands in them and what they came to
//	bucket.go   time, PUTs that are done late or never, rule T
//	write.go    deciding commands and sending entries, pipelined
//	read.go     rule R: reading slots, hearing answers, anchors
//	list.go     listings, loading and writing snapshots
//	peers.go    forwarding and streams
//	barrier.go  answers that reflect all that was acknowledged before the request
//	check.go    the promises; recover.go: that nobody is ever stuck
//	rules.go    the rules, each of which can be left out
//	reduce.go   what makes a state the same as another one
//
// # What stands for what
//
// A tick is W/2. Dates and Last-Modified are ages in ticks; the Date of an answer is the moment at which the bucket did the
// request. A Date received before a request is as young as can be: from the same tick. An older one would be a weaker anchor.
//
// A PUT is under way until the bucket does it; one that is lost is never done. Agents that do nothing are asleep, or their
// answers are slow, for as long as you like. An agent that could believe something does so at once: later it would know no
// more, and would have told its clients less.
//
// A command's verdict is its place among all commands, so a verdict decided on any other state than the one before the
// entry is seen to be wrong. Command 1 of a Conditional world is refused unless command 0 came before it.
//
// # What differs from the product
//
// Writers pipeline, as the design allows; internal/journal has one entry in flight. Two attempts of an agent at a slot that
// decide the same count as the same bytes. Only the newest anchor is kept, where the product keeps an older one for W/8.
//
// Not in it: damaged objects, digests of states, feature levels, courtesy between domains, expiry (package session),
// cluster.json (package cluster), parts of snapshots (package parts). Two rules of the design are not needed for safety, so
// there is nothing to see when they are left out: "412 and then absent: list, whatever anchors say", which tells a broken
// store, and "a snapshot that is gone: list again", as rule R makes an agent list before it believes anything.
package journal
