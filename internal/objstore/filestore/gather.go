package filestore

import (
	"os"
	"sync"
)

const (
	// pieceBytes is what one write call hands to the system. For a large one Linux takes its pages from large free blocks, and
	// those are the ones that a virtual machine has given back to its host: touching them again costs ten times the copy.
	// Pieces of this size also stay in the processor's cache. `go test -bench Put ./internal/objstore/filestore` shows both.
	pieceBytes = 128 << 10
	// copyBelow: shorter parts are copied together first, which takes less time than that the system takes them one by one.
	copyBelow = 2 << 10
)

// gather makes pieces of the parts of a body. All but the first and the last part of a piece that are not copied have copyBelow bytes or
// more, so there are fewer than Linux takes at once (IOV_MAX, 1024).
type gather struct {
	f      *os.File
	parts  [][]byte // of the piece: as they were given, or in copies
	room   int      // bytes that it may still take
	copies []byte
	copied bool // the last part is one of these, and ends where they do
}

var gathers = sync.Pool{New: func() any { return &gather{copies: make([]byte, 0, pieceBytes)} }}

// writeAll writes the parts of a body one after another.
func writeAll(f *os.File, body [][]byte) error {
	g := gathers.Get().(*gather)
	defer g.free()
	g.f = f
	g.begin()
	for _, part := range body {
		for len(part) > 0 {
			n := min(len(part), g.room)
			g.add(part[:n])
			part = part[n:]
			if g.room > 0 {
				continue
			}
			if err := g.flush(); err != nil {
				return err
			}
		}
	}
	return g.flush()
}

func (g *gather) begin() {
	g.parts, g.copies, g.copied, g.room = g.parts[:0], g.copies[:0], false, pieceBytes
}

func (g *gather) free() {
	g.f = nil
	clear(g.parts[:cap(g.parts)])
	gathers.Put(g)
}

// add takes a part for which there is room.
func (g *gather) add(part []byte) {
	g.room -= len(part)
	if len(part) >= copyBelow {
		g.parts, g.copied = append(g.parts, part), false
		return
	}
	g.copies = append(g.copies, part...)
	if end := len(g.copies); g.copied {
		last := &g.parts[len(g.parts)-1]
		*last = g.copies[end-len(part)-len(*last) : end]
	} else {
		g.parts, g.copied = append(g.parts, g.copies[end-len(part):end]), true
	}
}

func (g *gather) flush() error {
	err := writeParts(g.f, g.parts)
	g.begin()
	return err
}
