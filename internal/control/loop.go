package control

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
)

// loop is what the one goroutine owns.
type loop struct {
	c       *Control
	journal *journal.Log
	state   *meta.State // believed; the same as the published View

	lookAt     time.Time     // when to look at the journal without being asked
	entryTook  time.Duration // how long the last entry took to win its slot
	registered bool
	snap       snapshots
	member     membership
}

// work is what the loop found in its mailbox.
type work struct {
	calls    bool
	barriers []*env.Future[meta.View]
	news     []news
	look     bool

	foreign []meta.Command  // forwarded by followers
	asked   []remoteBarrier // barriers that followers wait for
}

// run is the loop.
func (l *loop) run() {
	for {
		w := l.c.await(l.lookAt)
		if l.c.stop.Stopped() {
			return
		}
		if err := l.do(&w); err != nil {
			l.fail(err)
			return
		}
	}
}

// await waits until there is something to do.
func (c *Control) await(until time.Time) work {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		w := work{calls: c.hasUnsent(), barriers: c.barriers, news: c.news, look: c.kicked || !c.env.Now().Before(until)}
		if w.calls || w.look || len(w.barriers)+len(w.news) > 0 || c.stop.Stopped() {
			c.barriers, c.news, c.newsBytes, c.kicked = nil, nil, 0, false
			return w
		}
		c.wake.Wait(until)
	}
}

// hasUnsent reports whether a call is on no way to a decision yet; c.mu is held.
func (c *Control) hasUnsent() bool {
	for i := len(c.calls) - 1; i >= 0; i-- {
		if c.calls[i].sent == 0 {
			return true
		}
	}
	return false
}

// do handles one round of work: what peers sent, then what is to be written, then what is to be read.
func (l *loop) do(w *work) error {
	if err := l.hear(w); err != nil {
		return err
	}
	if err := l.register(); err != nil {
		return err
	}
	link := l.sequencerLink()
	if link != 0 {
		l.forward(link)
		w.calls = false
	}
	if w.calls || len(w.foreign) > 0 {
		if err := l.write(w); err != nil {
			return err
		}
	}
	if link != 0 && !w.look && l.askSequencer(link, w) {
		w.barriers = nil
	}
	if w.look || len(w.barriers)+len(w.asked) > 0 {
		if err := l.catchUp(); err != nil {
			return err
		}
		l.release(w)
	}
	l.snapshot()
	l.schedule()
	return nil
}

// release answers the barriers of w: a probe or a slot won, begun after they were taken up, has shown the end of the
// journal.
func (l *loop) release(w *work) {
	for _, b := range w.barriers {
		b.Set(l.state, nil)
	}
	slot, _ := l.journal.Position()
	for _, a := range w.asked {
		l.c.peers.Send(a.link, msgBarrierDone, encodeBarrier(a.id, slot))
	}
	w.barriers, w.asked, w.look = nil, nil, false
}

// How often the journal is looked at without anybody asking: often while somebody waits for records and an agent out of
// reach is active, rarely else: 10 s is 6 requests a minute.
const (
	lookOften    = 100 * time.Millisecond
	lookRarely   = 10 * time.Second
	lookAlone    = 15 * time.Second
	lookFollower = 60 * time.Second // the stream tells: this is for a sequencer that has fallen silent
	barrierWait  = time.Second      // for the sequencer to answer a barrier
)

func (l *loop) schedule() {
	wait := lookAlone
	switch {
	case len(l.member.asks) > 0:
		wait = barrierWait
	case l.sequencerLink() != 0:
		wait = lookFollower
	case l.member.foreign && l.c.interest.Load() > 0 && l.foreignActive():
		wait = lookOften
	case l.member.foreign:
		wait = lookRarely
	}
	l.lookAt = l.c.env.Now().Add(wait)
}

// fail ends the loop for good: a person must act.
func (l *loop) fail(err error) {
	if l.c.stop.Stopped() {
		return
	}
	l.c.log.Error("the journal cannot be followed any more", "error", err)
	l.c.mu.Lock()
	l.c.failure = err
	l.c.mu.Unlock()
	l.c.failAll(err)
}

func (l *loop) now() base.Millis {
	if now, ok := l.journal.Now(); ok {
		return now
	}
	return l.c.View().Time
}
