// Package merge brings small extents together (docs/rfcs/0005-merge.md): a segment has a little of each of many partitions, so that a
// partition's log lies in thousands of pieces, each of which is planned, read and sent by itself and remembered for ever.
//
// A merged file is an ordinary segment, with a chunk for each stretch: neighbours in a partition's list of extents, batch by batch, each with
// its own offset. The state then has one extent in the place of the stretch. Offsets, timestamps, producers, the log's start and end stay
// what they are.
//
// Owns: which extents are brought together, when, by which agent; what a merged file holds.
// Does not own: the rule (meta/log decides whether each stretch is still what was read), the layout of data files (segment), the removal of
// files of which nothing is left (jobs/garbage).
//
// planFor is a pure function of the View. Nothing to do by the View means no request to the bucket. Memory: a few merged files at a time, as the
// agent's memory allows, with what lies between their extents where they are read. Each agent with the role cares for partitions of its
// own.
//
// Two agents that merge the same do no harm: the second one is told that nothing is as it was, and deletes its file again.
package merge
