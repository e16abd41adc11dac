package control

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
)

// unsend takes back what was forwarded on a link that is no more.
func (l *loop) unsend(link LinkID) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	for _, k := range l.c.calls {
		if k.sent == link {
			k.sent = 0
		}
	}
}

// forward sends calls to the sequencer that it does not have yet.
func (l *loop) forward(link LinkID) {
	self := l.c.Self()
	next, live := l.state.Session(self)
	if !live {
		return
	}
	l.c.dropStale()
	calls, watermark := l.c.numbered(next)
	for unsent := l.unsent(calls, link); len(unsent) > 0; {
		var body, since codec.Writer
		n := 0
		for n < len(unsent) && len(body.B) < forwardBytes {
			cmd := meta.Command{From: self, Number: unsent[n].number, Watermark: watermark, Op: unsent[n].op}
			cmd.Encode(&body)
			since.Uvarint(uint64(sinceOf(cmd.Op)))
			n++
		}
		unsent = unsent[n:]
		var w codec.Writer
		w.Uvarint(uint64(n))
		w.Raw(body.B)
		w.Raw(since.B)
		if !l.c.peers.Send(link, msgCommands, w.B) {
			l.bypass() // the link is about to go down, or the command too long for it
			l.unsend(link)
			return
		}
	}
}

// forwardBytes is when a message takes no further command.
const forwardBytes = 1 << 20

// unsent gives the calls that the link has not had yet, and marks them as sent on it.
func (l *loop) unsent(calls []*call, link LinkID) (unsent []*call) {
	now := l.c.env.Now()
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	for _, k := range calls {
		if k.sent != link {
			k.sent, k.sentAt = link, now
			unsent = append(unsent, k)
		}
	}
	return unsent
}

// ask is what the sequencer has been asked: to say where the journal ends, for these.
type ask struct {
	id       uint64
	since    time.Time
	barriers []*env.Future[meta.View]
}

// askSequencer passes barriers on to the sequencer; false: look for yourself.
func (l *loop) askSequencer(link LinkID, w *work) bool {
	if len(w.barriers) == 0 || len(w.asked) > 0 {
		return false
	}
	m := &l.member
	m.lastAsk++
	if !l.c.peers.Send(link, msgBarrier, encodeBarrier(m.lastAsk, 0)) {
		return false
	}
	m.asks = append(m.asks, ask{m.lastAsk, l.c.env.Now(), w.barriers})
	return true
}

// barrierDone: the sequencer has seen the end of the journal at slot, after it was asked.
func (l *loop) barrierDone(w *work, id uint64, slot base.Slot) {
	m := &l.member
	at, _ := l.journal.Position()
	if at < slot {
		w.look = true // the stream has a gap: look for yourself, which answers all
		return
	}
	for len(m.asks) > 0 && m.asks[0].id <= id {
		for _, b := range m.asks[0].barriers {
			b.Set(l.state, nil)
		}
		m.asks = m.asks[1:]
	}
}

// releaseAsks hands what the sequencer was asked back to this agent's own look.
func (l *loop) releaseAsks() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	for _, a := range l.member.asks {
		l.c.barriers = append(l.c.barriers, a.barriers...)
	}
	l.member.asks = nil
}
