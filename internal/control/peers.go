package control

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
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
	msgCommands    uint8 = 3 // count, commands, for each of them sinceOf (older agents do not say)
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
		if err := l.meet(w, n.from); err != nil {
			return err
		}
		if l.state.Admin.Live(n.from) {
			l.commands(n, r)
		}
	case msgBarrier:
		id, _ := decodeBarrier(r)
		if plant.LeftOut(plant.BarrierProbe) {
			l.answerAsked([]remoteBarrier{{n.link, id}})
			return nil
		}
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

// meet follows the journal to its end if an agent that sends commands is not known: it has registered since. Its commands would be passed
// over as those of nobody, and it would wait for them until its patience is over. Once is enough for all that came before a round:
// who sent it had registered before. One that is gone may send on for a while, and is not to have the journal read for each message.
func (l *loop) meet(w *work, who base.Incarnation) error {
	if w.met || l.state.Admin.Live(who) {
		return nil
	}
	w.met = true
	return l.catchUp()
}

// commands takes in what a follower sent. What does not fit its sender writes by itself, once its patience is over.
func (l *loop) commands(n news, r *codec.Reader) {
	commands, err := readCommands(r)
	if err != nil {
		l.c.log.Warn("a peer sent a command that cannot be read", "agent", n.from, "error", err)
	}
	room := backlogBytesMax
	for i := range l.backlog {
		room -= bodyBytes(&l.backlog[i])
	}
	for i := range commands {
		cmd := &commands[i]
		if room -= bodyBytes(cmd); cmd.From == n.from && len(l.backlog) < maxCalls && room >= 0 {
			l.backlog = append(l.backlog, *cmd)
		}
	}
}

// readCommands reads a message of commands, or those before the first that cannot be read.
func readCommands(r *codec.Reader) (commands []meta.Command, err error) {
	for k := r.Count(minCommandBytes); k > 0 && r.Err == nil; k-- {
		cmd, err := meta.DecodeCommand(r)
		if err != nil {
			return commands, err
		}
		commands = append(commands, cmd)
	}
	for i := 0; i < len(commands) && len(r.B) > 0; i++ {
		since := base.Slot(r.Uvarint())
		if c, ok := commands[i].Op.(*group.OffsetCommit); ok {
			c.Since = since
		}
	}
	return commands, nil
}

// backlogBytesMax bounds the riders of followers that wait while the bucket does not answer: eight full entries.
const backlogBytesMax = 32 << 20

// bodyBytes is what a command brings along to ride.
func bodyBytes(cmd *meta.Command) int {
	if c, ok := cmd.Op.(*log.CommitSegment); ok {
		return len(c.Body)
	}
	return 0
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
