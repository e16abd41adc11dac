package filestore

import "os"

const (
	// pieceBytes is what one write call hands to the system. For a large one Linux takes its pages from large free blocks, and
	// those are the ones that a virtual machine has given back to its host: touching them again costs ten times the copy.
	// Pieces of this size also stay in the processor's cache. `go test -bench Put ./internal/objstore/filestore` shows both.
	pieceBytes = 128 << 10
	// pieceParts bounds the parts of a piece: Linux takes 1024 (IOV_MAX).
	pieceParts = 1024
)

// writeAll writes the parts of a body one after another.
func writeAll(f *os.File, body [][]byte) error {
	var piece [][]byte
	room := pieceBytes
	flush := func() error {
		err := writeParts(f, piece)
		piece, room = piece[:0], pieceBytes
		return err
	}
	for _, part := range body {
		for len(part) > 0 {
			n := min(len(part), room)
			piece, part, room = append(piece, part[:n]), part[n:], room-n
			if room > 0 && len(piece) < pieceParts {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
