// Package probe proves at start-up that a store keeps what Millrace rests upon: create-if-absent has one winner, what
// was written is read and listed at once, and ranges are honoured. A store that only pretends to would lose
// acknowledged data without a word.
//
// Owns: Run, the scratch objects probe/<nonce>-….
// Does not own: when to probe, and stopping the agent.
package probe
