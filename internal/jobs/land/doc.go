// Package land brings what rides in journal entries into data files, so that the journal can be truncated, and readers that lag
// need not read it (docs/rfcs/0003-riders.md).
//
// A container is an ordinary segment whose chunks are those of its riders, rider after rider in the order of the journal: what lay
// at some position of a rider lies Delta bytes further on in the container, for one Delta each.
//
// Owns: when that is done, by which agent, and how much at once; what a container holds.
// Does not own: the rule (meta/log decides which of the riders still ride), the layout of data files (segment), what rides
// (ingest).
//
// Plan is a pure function of the View. Nothing to do by the View means no request to the bucket. Two agents that land the
// same do no harm: the second one is told that nothing of it rides any more, and deletes its container again.
package land
