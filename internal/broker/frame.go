package broker

import (
	"errors"
	"io"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/invariant"
	"github.com/millrace-io/millrace/internal/kafka/wire"
)

const (
	// FirstPiece of a frame is read before the memory of the whole is asked for: a length alone costs its sender nothing,
	// and must not cost others anything. Nearly all requests but Produces are smaller.
	FirstPiece = 64 << 10
	// firstShare: an eighth of the memory is for first pieces, so that a heartbeat never waits for somebody's 64 MiB.
	firstShare = 8
	// frameStall is how long the bytes of a frame that has begun may stay away: the frame holds memory.
	frameStall = 30 * time.Second
	// frameLook is how often a frame that does not come is looked at.
	frameLook = 2 * time.Second
	// A frame that others wait for is given up when it is older than frameGrace and came at less than frameRate, in bytes
	// a second. Nobody waits as a rule: then a slow line may take its time.
	frameGrace = 10 * time.Second
	frameRate  = 1 << 20
)

// errSlow ends a connection whose request came too slowly while others waited for its memory.
var errSlow = errors.New("too slow while others waited for memory")

// frames is the memory of requests, from their first byte until they are answered.
//
// Whole frames are reserved at once, not as they grow: two that each held half of the budget and waited for the other's
// half would wait for ever.
//
// # What is used again
//
// The memory of a frame larger than a first piece is used for later ones once the frame is spent. That is said only when nobody
// looks at its bytes any more, and so of a Produce alone, when each of its batches has its result: ingest has let go of them then
// (ingest.Batch.Bytes), whether or not the client has had its answer; or when it was never handled. Whatever else is kept of such a request
// is a copy: names, ids, texts of errors. The byte fields of a decoded request lie in the frame (wire.DecodeRequest), and those of other
// requests, such as what members say of themselves, go on into the state. So all others are of Go's heap and are released, which leaves
// their bytes to the garbage collector. A Produce whose handler panicked once its batches had been handed on is released, too, and its
// memory is lost.
//
// The memory of Produces larger than a first piece and up to an eighth of the budget comes from Config.Rooms: of Go's heap the collector
// would leave as much again free beside it.
type frames struct {
	piece int    // a first piece, in bytes
	first memory // for frames of at most that, and the first piece of larger ones
	whole memory // for larger ones
}

func newFrames(e env.Env, bytes int64, piece int, rooms Rooms) *frames {
	first := max(bytes/firstShare, int64(piece))
	return &frames{piece: piece, first: newMemory(e, first, heap{}), whole: newMemory(e, max(bytes-first, int64(piece)), rooms)}
}

// largest is the size of the largest frame that can be read.
func (f *frames) largest() int { return int(f.whole.Size()) }

// reserved is what frames hold at this moment, in bytes.
func (f *frames) reserved() int64 { return f.first.held() + f.whole.held() }

// expire lets go of kept memory that was of no use for a while.
func (f *frames) expire() {
	f.first.expire()
	f.whole.expire()
}

// read reads a frame of that size, after its bytes were reserved.
func (f *frames) read(c *conn, size int) (*frame, error) {
	if size <= f.piece {
		return f.first.exactly(size).read(c, 0)
	}
	piece, err := f.first.atLeast(f.piece).read(c, 0)
	if err != nil {
		return nil, err
	}
	whole := f.reserve(size, piece.bytes)
	copy(whole.bytes, piece.bytes)
	piece.spend()
	whole.surveys = surveysOf(whole.bytes[:f.piece])
	return whole.read(c, f.piece)
}

// reserve reserves a large frame that begins with front.
func (f *frames) reserve(size int, front []byte) *frame {
	if wire.IsProduce(front) {
		return f.whole.atLeast(size)
	}
	return f.whole.exactly(size)
}

// frame is the memory of one request.
type frame struct {
	bytes []byte // the request, without its length
	room  []byte // what they are the front of: so much is reserved
	of    *memory
	kept  bool // its memory is kept when it is spent, and may hold bytes of an earlier frame until it is read

	surveys *surveys // of a Produce larger than a first piece
}

// read reads the frame, of which have bytes are there. If it fails the frame is spent.
func (m *frame) read(c *conn, have int) (*frame, error) {
	if err := c.fill(m, have); err != nil {
		m.spend()
		return nil, err
	}
	return m, nil
}

// release gives the frame's bytes back to the budget. Who looks at them may go on.
func (m *frame) release() {
	m.of.Release(int64(len(m.room)))
	m.bytes, m.room, m.surveys = nil, nil, nil
}

// spend is release by somebody who knows that nobody looks at the bytes any more: others are read into their memory.
func (m *frame) spend() {
	if invariant.Costly {
		poison(m.bytes)
	}
	if m.kept {
		m.of.keep(m.room)
	}
	m.release()
}

// poison has whoever still looks at memory that is spent find no batch with its checksum.
func poison(memory []byte) {
	for i := range memory {
		memory[i] = 0xdb
	}
}

// fill reads until the frame is full, of which have bytes are there.
func (c *conn) fill(m *frame, have int) error {
	frame, piece := m.bytes, len(m.bytes)
	if m.surveys != nil {
		piece = surveyPiece
	}
	began, before := c.b.env.Now(), have
	for last := began; have < len(frame); {
		c.arm(frameLook)
		n, err := c.net.Read(frame[have:min(have+piece, len(frame))])
		now := c.b.env.Now()
		if have += n; n > 0 {
			last = now
		}
		late := now.Sub(began) - frameGrace
		switch {
		case have == len(frame):
		case c.isDraining():
			return errDrained
		case err != nil && !timedOut(err):
			return midRequest(err)
		case now.Sub(last) >= frameStall:
			return io.ErrUnexpectedEOF
		case late > 0 && m.of.Waiting() > 0 && float64(have-before) < late.Seconds()*frameRate:
			return errSlow
		}
		c.survey(m, have)
		took := c.b.env.Now().Sub(now) // not the client's doing
		began, last = began.Add(took), last.Add(took)
	}
	return nil
}
