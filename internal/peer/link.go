package peer

import (
	"net"
	"sync/atomic"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
)

// link is one connection whose ends know each other.
type link struct {
	env    env.Env
	id     LinkID
	self   base.Incarnation // who this end said it was
	from   base.Incarnation
	dialed bool
	conn   net.Conn
	out    *env.Queue[frame]
	queued atomic.Int64 // bytes of the bodies in out and of the one being written
}

type frame struct {
	kind uint8
	body []byte
}

func (n *Node) newLink(self, from base.Incarnation, conn net.Conn) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	return &link{env: n.env, id: n.last, self: self, from: from, conn: conn, out: env.NewQueue[frame](n.env, queueFrames)}
}

// push queues a frame; false when there is no room, or the link is closed.
func (l *link) push(f frame) bool {
	size := int64(len(f.body))
	if l.queued.Add(size) <= queueBytes && l.out.TryPush(f) {
		return true
	}
	l.queued.Add(-size)
	return false
}

// serve works a link until it breaks.
func (n *Node) serve(l *link) {
	if !n.enter(l) {
		_ = l.conn.Close()
		return
	}
	n.handler.PeerUp(l.id, l.from)
	n.stop.Go("peer write", func() { n.write(l) })
	err := n.read(l)
	_ = l.conn.Close()
	l.out.Close()
	n.leave(l)
	n.log.Debug("a link to another agent is down", "agent", l.from, "error", err)
	n.handler.PeerDown(l.id, l.from)
}

// enter notes a link, unless this end is not any more who it said it was.
func (n *Node) enter(l *link) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.dialed {
		delete(n.dialing, l.from)
	}
	if n.stop.Stopped() || n.self() != l.self || n.linksWith(l.from) >= linksEach {
		return false
	}
	n.links[l.id] = l
	if n.to[l.from] == nil {
		n.to[l.from] = l
	}
	return true
}

func (n *Node) linksWith(from base.Incarnation) int {
	count := 0
	for _, l := range n.links {
		if l.from == from {
			count++
		}
	}
	return count
}

// leave forgets a link; another one to the same agent, the oldest, takes its place.
func (n *Node) leave(l *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.links, l.id)
	if n.to[l.from] != l {
		return
	}
	delete(n.to, l.from)
	for _, other := range n.links {
		if other.from == l.from && (n.to[l.from] == nil || other.id < n.to[l.from].id) {
			n.to[l.from] = other
		}
	}
}

// Read reads from the connection, as long as something comes every silence: a long frame on a slow line may take longer.
func (l *link) Read(b []byte) (int, error) {
	if err := l.conn.SetReadDeadline(l.env.Now().Add(silence)); err != nil {
		return 0, err
	}
	return l.conn.Read(b)
}

func (n *Node) read(l *link) error {
	for {
		kind, body, err := readFrame(l, maxFrameBytes)
		if err != nil {
			return err
		}
		if kind != kindPing && !n.handler.PeerMessage(l.id, l.from, kind, body) {
			return base.Errorf(base.RequestTimedOut, "peer: this agent cannot keep up with what agent %d sends", l.from)
		}
	}
}

// write sends what is queued, and a keep-alive when there is nothing. A link that takes nothing for silence is broken.
func (n *Node) write(l *link) {
	defer func() { _ = l.conn.Close() }()
	for {
		f, err := l.out.Pop(n.env.Now().Add(pingEvery))
		switch base.KindOf(err) {
		case base.OK:
		case base.RequestTimedOut:
			f = frame{kind: kindPing}
		default:
			return
		}
		if n.writeFrame(l, f) != nil {
			return
		}
		l.queued.Add(-int64(len(f.body)))
	}
}

// writeStep is how much of a frame must get through within silence: a slow line is not a broken one.
const writeStep = 256 << 10

// writeFrame sends a frame. Short ones go in one write; the body of a long one, which other links share, is not copied.
func (n *Node) writeFrame(l *link, f frame) error {
	head, rest := header(f.kind, len(f.body)), f.body
	if len(rest) <= 4<<10 {
		head, rest = append(head, rest...), nil
	}
	for part := head; len(part) > 0; part, rest = rest[:min(len(rest), writeStep)], rest[min(len(rest), writeStep):] {
		if err := l.conn.SetWriteDeadline(n.env.Now().Add(silence)); err != nil {
			return err
		}
		if _, err := l.conn.Write(part); err != nil {
			return err
		}
	}
	return nil
}
