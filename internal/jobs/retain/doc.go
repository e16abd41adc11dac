// Package retain applies retention: it moves log starts past what retention.ms and retention.bytes no longer keep, and
// has partitions forget producers that were not heard of for producer.id.expiration.ms.
//
// Owns: when that is looked for, by which agent, and how much is proposed at once.
// Does not own: the rule (log.RetainedFrom; Decide checks it again, with its own clock), the files that nothing refers to
// any more (jobs/garbage).
//
// Plan is a pure function of the View. Nothing to do by the View means no request to the bucket. Two agents that both
// take themselves for the one whose task this is do no harm.
package retain
