package broker

import (
	"errors"
	"io"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
)

const (
	// firstPiece of a frame is read before the memory of the whole is asked for: a length alone costs its sender nothing,
	// and must not cost others anything. Nearly all requests but Produces are smaller.
	firstPiece = 64 << 10
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
type frames struct {
	first *env.Semaphore // for frames of at most firstPiece, and the first piece of larger ones
	whole *env.Semaphore // for larger ones
}

func newFrames(e env.Env, memory int64) frames {
	first := max(memory/firstShare, firstPiece)
	return frames{first: env.NewSemaphore(e, first), whole: env.NewSemaphore(e, max(memory-first, firstPiece))}
}

// largest is the size of the largest frame that can be read.
func (f *frames) largest() int { return int(f.whole.Size()) }

// reserved is what is taken at this moment, in bytes.
func (f *frames) reserved() int64 {
	return f.first.Size() - f.first.Free() + f.whole.Size() - f.whole.Free()
}

// read reads a frame of that size, after its bytes were reserved. release gives them back.
func (f *frames) read(c *conn, size int) (frame []byte, release func(), err error) {
	piece := min(size, firstPiece)
	_ = f.first.Acquire(int64(piece), time.Time{}) // without a deadline it cannot fail
	frame = make([]byte, piece)
	if err := c.fill(frame, 0, f.first); err != nil {
		f.first.Release(int64(piece))
		return nil, nil, err
	}
	if size == piece {
		return frame, func() { f.first.Release(int64(piece)) }, nil
	}
	_ = f.whole.Acquire(int64(size), time.Time{})
	whole := make([]byte, size)
	copy(whole, frame)
	f.first.Release(int64(piece))
	if err := c.fill(whole, piece, f.whole); err != nil {
		f.whole.Release(int64(size))
		return nil, nil, err
	}
	return whole, func() { f.whole.Release(int64(size)) }, nil
}

// fill reads until frame is full, of which have bytes are there. budget is where its memory is from.
func (c *conn) fill(frame []byte, have int, budget *env.Semaphore) error {
	began, before := c.b.env.Now(), have
	for last := began; have < len(frame); {
		c.arm(frameLook)
		n, err := c.net.Read(frame[have:])
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
		case late > 0 && budget.Waiting() > 0 && float64(have-before) < late.Seconds()*frameRate:
			return errSlow
		}
	}
	return nil
}
