// Package garbage deletes data files of which nothing is left in any partition: all of it was merged into others, trimmed, or went
// with its topic.
//
// Owns: when that is looked for, by which agent, and how much at once; that an object goes before the state forgets its file.
// Does not own: the rule (log.File.Removable; Decide checks it again, with its own clock), what releases files (jobs/merge,
// jobs/retain, clients), objects that the state does not know: orphans go by fsck --repair.
//
// Plan is a pure function of the View. Nothing to do by the View means no request to the bucket.
//
// # Why it is safe
//
// A file without references never gets one again: they are made by the entry that commits a file, and by no other. So a View
// that is behind names nothing that is still wanted, and neither does a clock that is wrong: the ten minutes of log.ReleasedFor
// spare readers by older Views, which else find the file gone, catch up with the journal and read on where the records lie now.
//
// An object is deleted first, and the state forgets its file only then. An agent that dies in between leaves a file in the state
// whose object is gone; the next one deletes it once more, which is no error. The other way round it would leave an object that
// no state names. A PUT of the file that arrives later still makes such an object: it is an orphan by its Last-Modified, and
// fsck --repair deletes it. Nobody can commit it again: the command that did happens once.
//
// Two agents that both take themselves for the one whose task this is do no harm: what is gone is deleted again, and Decide leaves out
// what was forgotten.
package garbage
