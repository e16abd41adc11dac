package control

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/peer"
)

// LinkID names one connection to another agent.
type LinkID = peer.LinkID

// Peers carries messages between agents. What it is given it delivers in order, once, or it reports the link down.
// *peer.Node is one.
type Peers interface {
	// Open connects to an agent, unless there is a link to it already, and reports PeerUp, or, when the agent cannot be
	// reached, PeerDown with link 0.
	Open(to base.Incarnation, addr string)
	// Send queues a message; false when the link is down or its queue is full (then it goes down).
	Send(link LinkID, kind uint8, body []byte) bool
	// Reset closes all links: this agent has another incarnation.
	Reset()
}

// The messages of control, by kind.
const (
	msgSubscribe   uint8 = 1 // slot: stream me the entries after it
	msgEntry       uint8 = 2 // last modified, the entry's object
	msgCommands    uint8 = 3 // count, commands
	msgBarrier     uint8 = 4 // id
	msgBarrierDone uint8 = 5 // id, slot; id 0: an answer to msgSubscribe
	msgLook        uint8 = 6 // the sender has written by itself: look at the journal
)

// news is what a peer link brought.
type news struct {
	link LinkID
	from base.Incarnation
	kind uint8 // 0: the link is up, or with down set it is down
	body []byte
	down bool
	gone bool // nobody is there any more
}

type remoteBarrier struct {
	link LinkID
	id   uint64
}

// PeerUp, PeerDown and PeerMessage are called by Peers, from any goroutine. A message's body is the loop's to keep.
func (c *Control) PeerUp(link LinkID, from base.Incarnation) { c.hear(news{link: link, from: from}) }

// PeerDown: the link went down, or, with link 0, could not be made.
func (c *Control) PeerDown(link LinkID, from base.Incarnation) {
	c.hear(news{link: link, from: from, down: true})
}

// PeerGone: nobody listens at the agent's address any more.
func (c *Control) PeerGone(who base.Incarnation) { c.hear(news{from: who, down: true, gone: true}) }

// Bounds of what waits for the loop, while that waits for the bucket. A link that brings more is closed: what it missed
// is in the bucket.
const (
	newsMax      = 4096
	newsBytesMax = 32 << 20
)

// PeerMessage hands over one message; false when too much waits, or the loop has ended.
func (c *Control) PeerMessage(link LinkID, from base.Incarnation, kind uint8, body []byte) bool {
	return c.hear(news{link: link, from: from, kind: kind, body: body})
}

// hear takes news. That links come up and go down is never lost: there are few of them.
func (c *Control) hear(n news) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil || c.stop.Stopped() || n.kind != 0 && (len(c.news) >= newsMax || c.newsBytes+len(n.body) > newsBytesMax) {
		return false
	}
	c.news = append(c.news, n)
	c.newsBytes += len(n.body)
	c.wake.Broadcast()
	return true
}

// hear works through what peers brought.
func (l *loop) hear(w *work) error {
	for _, n := range w.news {
		var err error
		switch {
		case n.down:
			l.linkDown(w, n)
		case n.kind == 0:
			l.linkUp(n)
		default:
			err = l.message(w, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) linkUp(n news) {
	m := &l.member
	m.suspects = slices.DeleteFunc(m.suspects, func(s suspect) bool { return s.who == n.from })
	if m.met == nil {
		m.met = map[base.Incarnation]bool{}
	}
	m.met[n.from] = true
	if n.from != m.sequencer || m.sequencerUp != 0 {
		return
	}
	slot, _ := l.journal.Position()
	if !l.c.peers.Send(n.link, msgSubscribe, encodeBarrier(0, slot)) {
		return // it is down again
	}
	m.sequencerUp = n.link
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.bypass = time.Time{}
}

func (l *loop) linkDown(w *work, n news) {
	m := &l.member
	delete(m.followers, n.link)
	if n.link != 0 && n.link == m.sequencerUp {
		m.sequencerUp = 0
		l.unsend(n.link)
		l.releaseAsks()
	}
	a, live := l.state.Admin.Agent(n.from)
	if !live {
		delete(m.met, n.from)
	}
	switch {
	case !live || !l.sameDomain(a) || l.c.stop.Stopped():
	case n.link != 0:
		l.c.peers.Open(n.from, a.Peer) // is it gone, or only the connection?
	case n.gone && m.met[n.from]:
		// There was a link, it broke, and the port is closed: that is how a dead process looks. Where a firewall refuses
		// instead, the new incarnation has never been met, and is judged by its signs of life.
		l.expireBroken(a)
	default:
		l.suspect(w, a)
	}
}

// An agent that cannot be reached may live and reach the bucket: then it serves its clients, and expiring it would only
// have it register anew, again and again for as long as the network is broken. lifeSign is how long an active agent has to
// show itself in the journal: above renewActive and the time an entry takes, and short enough that clients of a dead one
// find others within 5 s. It is counted by the local clock, as the bucket's Dates are whole seconds. reopenAfter is when
// one that showed itself is tried again.
const (
	lifeSign    = 4 * time.Second
	reopenAfter = time.Second
)

// suspect is an agent that could not be reached.
type suspect struct {
	who     base.Incarnation
	renewBy base.Millis // its promise then
	since   time.Time
}

func (l *loop) suspect(w *work, a *admin.Agent) {
	m := &l.member
	for _, s := range m.suspects {
		if s.who == a.Incarnation {
			return
		}
	}
	m.suspects = append(m.suspects, suspect{a.Incarnation, a.RenewBy, l.c.env.Now()})
	w.look = true
}

// judge decides on the agents that could not be reached, after a look at the journal's end.
func (l *loop) judge() {
	m, now := &l.member, l.c.env.Now()
	m.suspects = slices.DeleteFunc(m.suspects, func(s suspect) bool {
		a, live := l.state.Admin.Agent(s.who)
		switch {
		case !live:
		case !a.Idle && a.RenewBy != s.renewBy:
			m.reopen, m.reopenAt = append(m.reopen, s.who), now.Add(reopenAfter)
		case !a.Idle && now.Sub(s.since) < lifeSign:
			return false
		default:
			l.expireBroken(a)
		}
		return true
	})
}

func (l *loop) expireBroken(a *admin.Agent) {
	delete(l.member.met, a.Incarnation)
	l.c.log.Warn("an agent cannot be reached", "agent", a.Incarnation, "address", a.Peer)
	l.c.Propose(&admin.Expire{Incarnation: a.Incarnation, Broken: true})
}

// tryAgain connects to those that were let alone, when it is time.
func (l *loop) tryAgain() {
	m := &l.member
	if len(m.reopen) == 0 || l.c.env.Now().Before(m.reopenAt) {
		return
	}
	again := m.reopen
	m.reopen = nil
	for _, i := range again {
		if a, live := l.state.Admin.Agent(i); live {
			l.c.peers.Open(i, a.Peer)
		}
	}
}

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

// message handles one message. A malformed one says that the other runs something else: it is passed over with a word.
func (l *loop) message(w *work, n news) error {
	r := &codec.Reader{B: n.body}
	switch n.kind {
	case msgSubscribe:
		_, slot := decodeBarrier(r)
		l.subscribe(w, n, slot)
	case msgEntry:
		return l.offered(w, n.link, r)
	case msgCommands:
		for k := r.Count(minCommandBytes); k > 0 && r.Err == nil; k-- {
			cmd, err := meta.DecodeCommand(r)
			if err != nil {
				l.c.log.Warn("a peer sent a command that cannot be read", "agent", n.from, "error", err)
				return nil
			}
			// What does not fit its sender writes by itself, once its patience is over.
			if cmd.From == n.from && len(l.backlog) < maxCalls {
				l.backlog = append(l.backlog, cmd)
			}
		}
	case msgBarrier:
		id, _ := decodeBarrier(r)
		w.asked = append(w.asked, remoteBarrier{n.link, id})
	case msgBarrierDone:
		if id, slot := decodeBarrier(r); n.link == l.member.sequencerUp {
			l.barrierDone(w, id, slot)
		}
	case msgLook:
		w.look = true
	}
	if r.Err != nil {
		l.c.log.Warn("a peer sent a malformed message", "agent", n.from, "kind", n.kind)
	}
	return nil
}

// minCommandBytes is the shortest command: three small numbers, a tag and an empty body, as Deregister has it.
const minCommandBytes = 5

func encodeBarrier(id uint64, slot base.Slot) []byte {
	var w codec.Writer
	w.Uvarint(id)
	w.Uvarint(uint64(slot))
	return w.B
}

func decodeBarrier(r *codec.Reader) (uint64, base.Slot) {
	return r.Uvarint(), base.Slot(r.Uvarint())
}

// recentEntries and recentBytes bound the entries that a sequencer keeps for followers that connect a little behind.
const (
	recentEntries = 128
	recentBytes   = 16 << 20
)

// subscribe begins to stream entries to a follower that has those up to slot.
func (l *loop) subscribe(w *work, n news, slot base.Slot) {
	m := &l.member
	if m.followers == nil {
		m.followers = map[LinkID]base.Incarnation{}
	}
	m.followers[n.link] = n.from
	at, _ := l.journal.Position()
	if slot > at {
		w.look = true // it knows more than we do
	}
	for _, e := range m.recent {
		if e.slot > slot {
			l.c.peers.Send(n.link, msgEntry, e.message)
		}
	}
	// What is not kept any more leaves a gap: it learns of that now, rather than from the next entry.
	l.c.peers.Send(n.link, msgBarrierDone, encodeBarrier(0, at))
}

type sentEntry struct {
	slot    base.Slot
	message []byte
}

// stream sends an entry that is believed to the followers.
func (l *loop) stream(e journal.Entry) {
	m := &l.member
	if l.c.peers == nil {
		return
	}
	var w codec.Writer
	lastModified := int64(-1)
	if !e.LastModified.IsZero() {
		lastModified = e.LastModified.UnixMilli()
	}
	w.Varint(lastModified)
	w.Bytes(e.Object)
	m.recent = append(m.recent, sentEntry{e.Slot, w.B})
	m.recentBytes += len(w.B)
	for len(m.recent) > recentEntries || m.recentBytes > recentBytes && len(m.recent) > 1 {
		m.recentBytes -= len(m.recent[0].message)
		m.recent[0].message = nil
		m.recent = m.recent[1:]
	}
	for _, link := range l.followerLinks() {
		if !l.c.peers.Send(link, msgEntry, w.B) {
			delete(m.followers, link)
		}
	}
}

// offered takes an entry from the sequencer's stream.
func (l *loop) offered(w *work, link LinkID, r *codec.Reader) error {
	lastModified, object := r.Varint(), r.Bytes()
	if r.Err != nil || link != l.member.sequencerUp {
		return nil
	}
	var at time.Time
	if lastModified >= 0 {
		at = time.UnixMilli(lastModified)
	}
	e, ok, err := l.journal.Offer(object, at)
	if err != nil {
		l.c.log.Warn("the sequencer sent an entry that cannot be read: reading the bucket", "error", err)
		w.look = true
		return nil
	}
	if ok {
		l.c.counts.streamed.Add(1)
		return l.take(e)
	}
	if h, err := journal.DecodeEntry(object); err == nil {
		slot, _ := l.journal.Position()
		w.look = w.look || h.Slot > slot+1 // a gap: the bucket has what the stream did not bring
	}
	return nil
}

// forward sends calls to the sequencer that it does not have yet.
func (l *loop) forward(link LinkID) {
	self := l.c.Self()
	next, live := l.state.Session(self)
	if !live {
		return
	}
	calls, watermark := l.c.numbered(next)
	for unsent := l.unsent(calls, link); len(unsent) > 0; {
		var body codec.Writer
		n := 0
		for n < len(unsent) && len(body.B) < forwardBytes {
			cmd := meta.Command{From: self, Number: unsent[n].number, Watermark: watermark, Op: unsent[n].op}
			cmd.Encode(&body)
			n++
		}
		unsent = unsent[n:]
		var w codec.Writer
		w.Uvarint(uint64(n))
		w.Raw(body.B)
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
