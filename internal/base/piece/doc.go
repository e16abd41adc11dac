// Package piece is how bytes travel from where they are to a client: in memory, or in an open file from which the kernel sends
// them without bringing them into this process (sendfile).
//
// Owns: the pieces, and writing a list of them to a connection.
// Does not own: what the bytes are, how long a file stays open (who holds it), deadlines.
package piece
