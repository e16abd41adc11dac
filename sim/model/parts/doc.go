// Package parts models rule S of docs/rfcs/0001-journal.md: snapshots share their parts, and a sweep of parts that nobody
// refers to must not hit one that a snapshot in the making is about to take over.
//
// A snapshot has one part here. Its maker uploads it, or takes over that of its prior snapshot, and then sends the
// manifest, which may be created at any time later. A sweeper takes the time, lists the snapshots, and deletes what it then
// thinks is not needed at any time later. Agents may sleep at every point.
//
// Not in it: damage, and the entries that snapshots allow to be deleted (sim/model/journal). A snapshot that is late may
// lose its part; that it is passed over then, and proved through older ones, is tested in internal/journal.
package parts
