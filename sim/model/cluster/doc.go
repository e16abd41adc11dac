// Package cluster models cluster.json: agents that found a cluster at the same time, a prefix that is wiped while agents
// of the old cluster live on, and a cluster.json that is lost while the journal stands.
//
// The journal is simpler here than in sim/model/journal: an agent reads the next slot, or loads the newest snapshot if that
// is past it (what rule R comes to), and writes one entry at a time; a PUT may be done at any time after it was sent. Slots
// are deleted as soon as a snapshot covers them.
//
// Assumed: a prefix is wiped once, and then what there was is deleted, not what is added while that goes on; the PUT of a
// cluster.json is not done twice, before and after; cluster.json is
// not lost in the very moment in which another cluster is being founded. That cluster.json goes last when a prefix is wiped is
// not in the design; it is among the rules here as leaving it out lets an agent found a cluster that looked into journal/
// before the old one wrote anything. Not in it: that agents look now and then whether the bucket is still theirs.
package cluster
