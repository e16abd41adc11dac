// Package filestore is a bucket in a directory: for one machine, and for several processes on it that share the
// directory.
//
// An object is a file, its key the path below the directory:
//
//	DIR/journal/00000000000000000001   the object "journal/00000000000000000001"
//	DIR/.tmp/put-1234567890            an object being written; what a crash leaves is removed by a later New
//
// A write makes a temporary file, syncs it, and then either links it under its name, which the kernel does for exactly
// one of all racers (PutIfAbsent), or renames it over the name (Put), and at last syncs the directory. So an object is
// there whole or not at all. Large objects go to the disk past the page cache, where the file system can do that (direct.go). Reads and listings
// ask the file system and keep nothing in memory.
//
// Owns: Store, the directory's layout.
// Does not own: the rules for keys (objstore.CheckKey; they keep names beginning with '.' free for .tmp).
//
// Limits, other than those of an object store: one key cannot be both an object and the beginning of a deeper key ("a"
// and "a/b"). Others may read an object in the moment before its directory is synced, and a power cut may then take it
// away; its writer was not told of success. The clock is the machine's and may step back. File systems whose link(2) is not atomic among all who
// share them (some network file systems) are found out by the start-up probe as far as a race can find it.
package filestore
