package control

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
)

// loop is what the one goroutine owns.
type loop struct {
	c       *Control
	journal *journal.Log
	state   *meta.State // believed; the same as the published View

	looked     time.Time     // when the state was last known to be as new as the journal, by a look, a win or the stream
	lookAt     time.Time     // when to look at the journal without being asked
	entryTook  time.Duration // how long the last entry took to win its slot
	registered bool
	backlog    []meta.Command // forwarded by followers, to be decided
	othersTurn bool           // the backlog comes before this agent's calls in the next entry
	commits    recentCommits
	distrusted map[base.Incarnation]bool
	snap       snapshots
	member     membership
	turns      turns
}

// work is what the loop found in its mailbox.
type work struct {
	calls    bool
	barriers []*env.Future[meta.View]
	news     []news
	look     bool
	kicked   bool // somebody asked for the look
	suspect  bool
	met      bool // the journal was read on, as commands of somebody unknown came

	asked []remoteBarrier // barriers that followers wait for
}

// run is the loop. What it has taken up when it ends is answered by failAll.
func (l *loop) run() {
	for {
		w := l.c.await(l.lookAt, len(l.backlog) > 0)
		err := error(nil)
		if !l.c.stop.Stopped() {
			err = l.do(&w)
		}
		if err != nil || l.c.stop.Stopped() {
			l.handBack(&w)
			l.end(err)
			return
		}
	}
}

// await waits until there is something to do.
func (c *Control) await(until time.Time, backlog bool) work {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		w := work{calls: c.hasUnsent(), barriers: c.barriers, news: c.news, suspect: c.suspect, kicked: c.kicked, look: c.kicked || !c.env.Now().Before(until)}
		if w.calls || w.look || w.suspect || backlog || c.rethink || len(w.barriers)+len(w.news) > 0 || c.stop.Stopped() {
			c.barriers, c.news, c.newsBytes = nil, nil, 0
			c.kicked, c.rethink, c.suspect = false, false, false
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

// do handles one round of work: what peers sent, then one entry of what is to be written, then what is to be read. Every
// round is short, so that none of these waits for the end of another.
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
	if w.calls || len(l.backlog) > 0 {
		if err := l.write(w, link == 0); err != nil {
			return err
		}
	}
	if link != 0 && !w.look && l.askSequencer(link, w) {
		w.barriers = nil
	}
	if w.look || len(w.barriers)+len(w.asked) > 0 {
		l.loseFaith()
		look := l.catchUp
		if l.atLeisure(w) {
			look = l.glance
		}
		if err := look(); err != nil {
			return err
		}
		l.release(w)
		l.judge()
	}
	l.tryAgain()
	l.challenge(w)
	l.snapshot()
	l.redial()
	l.schedule()
	return nil
}

// atLeisure reports whether the look that is due is for nobody in particular.
func (l *loop) atLeisure(w *work) bool {
	m := &l.member
	return !w.kicked && len(w.barriers)+len(w.asked)+len(m.asks)+len(m.suspects)+len(m.reopen) == 0
}

// release answers the barriers of w, and those that the sequencer was asked for: a probe or a slot won, begun after they
// were taken up, has shown the end of the journal.
func (l *loop) release(w *work) {
	for _, a := range l.member.asks {
		w.barriers = append(w.barriers, a.barriers...)
	}
	l.member.asks = nil
	if plant.LeftOut(plant.BarrierBegins) {
		w.barriers = append(w.barriers, l.c.takeBarriers()...)
	}
	for _, b := range w.barriers {
		b.Set(l.state, nil)
	}
	l.answerAsked(w.asked)
	w.barriers, w.asked, w.look = nil, nil, false
}

// answerAsked tells followers where the journal ends.
func (l *loop) answerAsked(asked []remoteBarrier) {
	slot, _ := l.journal.Position()
	for _, a := range asked {
		l.c.peers.Send(a.link, msgBarrierDone, encodeBarrier(a.id, slot))
	}
}

// How often the journal is looked at without anybody asking: often while somebody waits for records and an agent that is
// not heard is active, rarely else: 10 s is 6 requests a minute. It is also how soon an idle agent sees that it is
// challenged, and so must be below admin.ChallengeLease.
const (
	lookOften    = 100 * time.Millisecond
	lookWaiting  = 7 * time.Second // somebody waits, and all who are not heard are idle
	lookRarely   = 10 * time.Second
	lookFollower = 60 * time.Second // the stream tells: this is for a sequencer that has fallen silent
	barrierWait  = time.Second      // for the sequencer to answer a barrier
)

// schedule says when to look next, counted from when the state was last known to be new.
func (l *loop) schedule() {
	wait := lookRarely
	if l.sequencerLink() != 0 {
		wait = lookFollower
	} else if l.c.interest.Load() > 0 {
		if unheard, active := l.unheard(); active {
			wait = lookOften
		} else if unheard {
			wait = lookWaiting
		}
	}
	l.lookAt = l.looked.Add(wait)
	m := &l.member
	if len(m.asks) > 0 {
		l.lookAt = sooner(l.lookAt, m.asks[0].since.Add(barrierWait))
	}
	for _, s := range m.suspects {
		l.lookAt = sooner(l.lookAt, s.since.Add(lifeSign))
	}
	if len(m.reopen) > 0 {
		l.lookAt = sooner(l.lookAt, m.reopenAt)
	}
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// loseFaith stops relying on a sequencer that has not answered a barrier in time.
func (l *loop) loseFaith() {
	now := l.c.env.Now()
	if asks := l.member.asks; len(asks) > 0 && now.Sub(asks[0].since) >= barrierWait {
		l.bypass()
	}
}

// handBack returns the barriers that the loop has taken up to the mailbox.
func (l *loop) handBack(w *work) {
	l.releaseAsks()
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.barriers = append(l.c.barriers, w.barriers...)
}

// end ends the loop: because the agent stops, or for good, as a person must act. A failed agent is nobody: others do not
// get a link to it, and expire it.
func (l *loop) end(err error) {
	c := l.c
	if c.stop.Stopped() {
		c.failAll(base.Errorf(base.Stopping, "the agent is stopping"))
		return
	}
	c.log.Error("the journal cannot be followed any more", "error", err)
	c.mu.Lock()
	c.failure = err
	c.mu.Unlock()
	c.failAll(err)
	c.self.Store(0)
	if c.peers != nil {
		c.peers.Reset()
	}
}

// now is the bucket's time that entries are stamped with.
func (l *loop) now() base.Millis {
	if now, ok := l.journal.Now(); ok {
		return now
	}
	return l.c.View().Time
}
