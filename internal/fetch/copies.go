package fetch

import (
	"sync"

	"github.com/millrace-io/millrace/internal/base/piece"
)

// Chunks of memory for copies: an answer's first is small, the later ones larger. The largest are used again.
const chunkMin, chunkMax = 4 << 10, 256 << 10

var chunks = sync.Pool{New: func() any { return new([chunkMax]byte) }}

// copies is the memory of what an answer has copied.
type copies struct {
	chunk   []byte // what was handed out of it stays
	pending int    // from here on the chunk is not in records yet
	shared  []*[chunkMax]byte
}

// room gives n bytes that follow on those before, to be filled in. They are part of out's records with the next flush.
func (c *copies) room(out *Fetched, n int) []byte {
	if cap(c.chunk)-len(c.chunk) < n {
		c.flush(out)
		c.chunk, c.pending = c.next(n), 0
	}
	at := len(c.chunk)
	c.chunk = c.chunk[:at+n]
	return c.chunk[at:]
}

func (c *copies) next(n int) []byte {
	switch size := max(n, chunkMin, 2*cap(c.chunk)); {
	case n > chunkMax:
		return make([]byte, 0, n)
	case size < chunkMax:
		return make([]byte, 0, size)
	}
	b := chunks.Get().(*[chunkMax]byte)
	c.shared = append(c.shared, b)
	return b[:0]
}

// giveBack undoes the last room, of n bytes.
func (c *copies) giveBack(n int) { c.chunk = c.chunk[:len(c.chunk)-n] }

// flush moves what was copied to the records.
func (c *copies) flush(out *Fetched) {
	if n := len(c.chunk); n > c.pending {
		out.Records = append(out.Records, piece.Of(c.chunk[c.pending:n:n]))
		c.pending = n
	}
}

// free gives the memory back: nothing of it may be in use.
func (c *copies) free() {
	for _, b := range c.shared {
		chunks.Put(b)
	}
	*c = copies{}
}
