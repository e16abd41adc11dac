package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// frameBed is a world with an agent's frame budget and clients that send to it.
type frameBed struct {
	t      *testing.T
	agent  *sim.Proc
	client *sim.Proc
	b      *Broker
	l      net.Listener
}

func inFrameBed(t *testing.T, memory int64, play func(*frameBed)) {
	t.Helper()
	w := sim.NewWorld(1)
	err := w.RunFor(time.Hour, func(main *sim.Proc) {
		bed := &frameBed{t: t, agent: main, client: w.Proc("client")}
		bed.b = &Broker{env: main, frames: newFrames(main, memory, FirstPiece, heap{}), log: slog.New(slog.DiscardHandler), stop: env.NewStopper(main), watch: env.NewStopper(main)}
		main.Go("watch", func() { bed.b.watchStillness(bed.b.watch) })
		var err error
		if bed.l, err = main.Listen(":9092"); err != nil {
			t.Fatal(err)
		}
		play(bed)
	})
	if err != nil {
		t.Error(err)
	}
}

// frameReading is a frame that is being read.
type frameReading struct {
	frame *frame
	err   error
	took  time.Duration
	done  bool
}

// read begins to read a frame of that size, of which the client sends `many` bytes at once, and then one byte at a time.
func (f *frameBed) read(size, many int, pause time.Duration) *frameReading {
	r := &frameReading{}
	f.client.Go("send", func() {
		c, err := f.client.Dial("main:9092", time.Second)
		if err != nil {
			f.t.Error(err)
			return
		}
		for n := many; n <= size && err == nil; n++ {
			if _, err = c.Write(make([]byte, max(1, many))); many > 0 {
				many = 0
			}
			f.client.Sleep(pause)
		}
	})
	server, err := f.l.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.agent.Go("read", func() {
		began := f.agent.Now()
		r.frame, r.err = f.b.frames.read(newConn(f.b, server), size)
		r.took, r.done = f.agent.Now().Sub(began), true
	})
	return r
}

// Who sends a length and nothing more holds nothing that others need.
func TestALengthAloneCostsNothing(t *testing.T) {
	inFrameBed(t, 64<<20, func(f *frameBed) {
		for range 20 {
			f.read(50<<20, 1, time.Second)
		}
		f.agent.Sleep(2 * time.Second)
		if got := f.b.frames.reserved(); got != 20*FirstPiece {
			t.Errorf("20 lengths of 50 MiB hold %d bytes, want 20 first pieces", got)
		}
		for _, size := range []int{100, 40 << 20} {
			r := f.read(size, size, 0)
			f.agent.Sleep(time.Second)
			if !r.done || r.err != nil {
				t.Fatalf("a request of %d bytes waits for them: %+v", size, r)
			}
			r.frame.release()
		}
	})
}

// A frame that holds memory and does not come is given up when others wait for it, and not before.
func TestASlowFrameGivesWay(t *testing.T) {
	inFrameBed(t, 64<<20, func(f *frameBed) {
		slow := f.read(50<<20, 1<<20, 5*time.Second)
		f.agent.Sleep(time.Minute)
		if slow.done {
			t.Fatalf("nobody waited, and yet: %v", slow.err)
		}
		waiting := f.read(50<<20, 50<<20, 0)
		f.agent.Sleep(20 * time.Second)
		if !errors.Is(slow.err, errSlow) || !waiting.done || waiting.err != nil {
			t.Errorf("the slow frame: %v; the one that waited: %+v", slow.err, waiting)
		}
	})
}

// A frame of which nothing comes any more ends without anybody waiting.
func TestAFrameThatStopsEnds(t *testing.T) {
	inFrameBed(t, 64<<20, func(f *frameBed) {
		r := f.read(1<<20, 1000, time.Hour)
		f.agent.Sleep(frameStall + 5*time.Second)
		if !errors.Is(r.err, io.ErrUnexpectedEOF) || f.b.frames.reserved() != 0 {
			t.Errorf("%+v; %d bytes are held", r, f.b.frames.reserved())
		}
	})
}

// Frames that together want more than there is are read one after the other, however they come.
func TestFramesTakeTurns(t *testing.T) {
	inFrameBed(t, 64<<20, func(f *frameBed) {
		var all []*frameReading
		for range 6 {
			all = append(all, f.read(40<<20, 40<<20, 0))
		}
		for range 60 {
			for _, r := range all {
				if r.frame != nil {
					r.frame.release()
					r.frame = nil
				}
			}
			f.agent.Sleep(time.Second)
		}
		for i, r := range all {
			if !r.done || r.err != nil {
				t.Errorf("frame %d: %+v", i, r)
			}
		}
	})
}
