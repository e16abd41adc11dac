package peer

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
)

// LinkID names one connection, in either direction. It is never reused and never 0.
type LinkID uint64

// Handler is told what links bring. Its methods are called from any goroutine and must not wait.
type Handler interface {
	PeerUp(link LinkID, from base.Incarnation)
	// PeerDown: the link is down; link 0: the agent could not be reached.
	PeerDown(link LinkID, from base.Incarnation)
	// PeerMessage: body is the handler's to keep.
	PeerMessage(link LinkID, from base.Incarnation, kind uint8, body []byte)
}

// Timing and bounds.
const (
	dialTimeout = 2 * time.Second
	dialTries   = 2
	dialPause   = 300 * time.Millisecond
	pingEvery   = time.Second
	// silence is how long a link may bring nothing, not even a keep-alive: a stopped process is found out by it.
	silence = 4 * time.Second
	// queueFrames bounds what waits to be sent; a follower that is that far behind reads the bucket.
	queueFrames = 1024
)

// Node is an agent's end of all its links.
type Node struct {
	env     env.Env
	cluster string
	log     *slog.Logger
	stop    *env.Stopper
	ln      net.Listener

	mu      sync.Mutex
	handler Handler
	self    func() base.Incarnation
	links   map[LinkID]*link
	to      map[base.Incarnation]*link
	dialing map[base.Incarnation]bool
	last    LinkID
}

type link struct {
	id   LinkID
	from base.Incarnation
	conn net.Conn
	out  *env.Queue[[]byte]
}

// Listen opens the port for other agents. Links are accepted from Start on.
func Listen(e env.Env, addr, clusterID string, log *slog.Logger) (*Node, error) {
	ln, err := e.Listen(addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for other agents on %s: %w; choose another address with --peer, or --peer off", addr, err)
	}
	n := &Node{env: e, cluster: clusterID, log: log, stop: env.NewStopper(e), ln: ln,
		links: map[LinkID]*link{}, to: map[base.Incarnation]*link{}, dialing: map[base.Incarnation]bool{}}
	n.stop.OnStop(func() { _ = ln.Close() })
	n.stop.OnStop(n.Reset)
	return n, nil
}

// Addr is the address listened on.
func (n *Node) Addr() net.Addr { return n.ln.Addr() }

// Start begins to accept links. self tells this agent's incarnation.
func (n *Node) Start(h Handler, self func() base.Incarnation) {
	n.mu.Lock()
	n.handler, n.self = h, self
	n.mu.Unlock()
	n.stop.Go("peer accept", n.accept)
}

// Stop closes everything.
func (n *Node) Stop(deadline time.Time) {
	n.stop.Stop()
	n.stop.Wait(deadline)
}

// Reset closes all links: the agent has a new incarnation.
func (n *Node) Reset() {
	n.mu.Lock()
	links := make([]*link, 0, len(n.links))
	for _, l := range n.links {
		links = append(links, l)
	}
	n.mu.Unlock()
	slices.SortFunc(links, func(a, b *link) int { return cmp.Compare(a.id, b.id) }) // a map's order could not be replayed
	for _, l := range links {
		_ = l.conn.Close()
	}
}

// Open connects to an agent, unless there is a link to it: then it reports that one.
func (n *Node) Open(to base.Incarnation, addr string) {
	n.mu.Lock()
	l, busy := n.to[to], n.dialing[to]
	if l == nil && !busy {
		n.dialing[to] = true
	}
	n.mu.Unlock()
	switch {
	case l != nil:
		n.handler.PeerUp(l.id, to)
	case !busy:
		n.stop.Go("peer dial", func() { n.dial(to, addr) })
	}
}

func (n *Node) dial(to base.Incarnation, addr string) {
	var l *link
	var err error
	for try := 0; try < dialTries && l == nil; try++ {
		if try > 0 && !n.stop.Sleep(dialPause) {
			return
		}
		var conn net.Conn
		if conn, err = n.env.Dial(addr, dialTimeout); err == nil {
			l, err = n.greet(conn)
		}
		if err == nil && l.from != to {
			err = fmt.Errorf("agent %d answers there", l.from)
			_ = l.conn.Close()
			l = nil
		}
	}
	n.mu.Lock()
	delete(n.dialing, to)
	n.mu.Unlock()
	if l == nil {
		n.log.Info("no link to another agent", "agent", to, "address", addr, "error", err)
		n.handler.PeerDown(0, to)
		return
	}
	n.serve(l)
}

func (n *Node) accept() {
	for {
		conn, err := n.ln.Accept()
		if err != nil {
			if n.stop.Stopped() || !n.stop.Sleep(100*time.Millisecond) {
				return
			}
			continue
		}
		n.stop.Go("peer link", func() {
			l, err := n.greet(conn)
			if err != nil {
				n.log.Debug("a link was refused", "remote", conn.RemoteAddr(), "error", err)
				return
			}
			n.serve(l)
		})
	}
}

// greet exchanges hellos. It closes conn when they do not match.
func (n *Node) greet(conn net.Conn) (*link, error) {
	self := n.self()
	err := conn.SetDeadline(n.env.Now().Add(dialTimeout))
	if err == nil {
		_, err = conn.Write(appendFrame(nil, kindHello, hello{n.cluster, self}.encode()))
	}
	var h hello
	if err == nil {
		h, err = readHello(conn)
	}
	if err == nil && (h.cluster != n.cluster || h.from == 0 || self == 0) {
		err = fmt.Errorf("agent %d of cluster %q met agent %d of cluster %q", self, n.cluster, h.from, h.cluster)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	return &link{id: n.last, from: h.from, conn: conn, out: env.NewQueue[[]byte](n.env, queueFrames)}, nil
}

func readHello(conn net.Conn) (hello, error) {
	kind, body, err := readFrame(conn)
	switch {
	case err != nil:
		return hello{}, err
	case kind != kindHello:
		return hello{}, fmt.Errorf("peer: the first frame is of kind %d", kind)
	}
	return decodeHello(body)
}

// serve works a link until it breaks.
func (n *Node) serve(l *link) {
	n.mu.Lock()
	n.links[l.id] = l
	if n.to[l.from] == nil {
		n.to[l.from] = l
	}
	n.mu.Unlock()
	if n.stop.Stopped() {
		_ = l.conn.Close()
	}
	n.handler.PeerUp(l.id, l.from)
	n.stop.Go("peer write", func() { n.write(l) })
	err := n.read(l)
	_ = l.conn.Close()
	l.out.Close()
	n.mu.Lock()
	delete(n.links, l.id)
	if n.to[l.from] == l {
		delete(n.to, l.from)
	}
	n.mu.Unlock()
	n.log.Debug("a link to another agent is down", "agent", l.from, "error", err)
	n.handler.PeerDown(l.id, l.from)
}

func (n *Node) read(l *link) error {
	for {
		if err := l.conn.SetReadDeadline(n.env.Now().Add(silence)); err != nil {
			return err
		}
		kind, body, err := readFrame(l.conn)
		if err != nil {
			return err
		}
		if kind != kindPing {
			n.handler.PeerMessage(l.id, l.from, kind, body)
		}
	}
}

// write sends what is queued, and a keep-alive when there is nothing. A link that takes nothing for silence is broken.
func (n *Node) write(l *link) {
	defer func() { _ = l.conn.Close() }()
	for {
		frame, err := l.out.Pop(n.env.Now().Add(pingEvery))
		switch base.KindOf(err) {
		case base.OK:
		case base.RequestTimedOut:
			frame = appendFrame(nil, kindPing, nil)
		default:
			return
		}
		if err := l.conn.SetWriteDeadline(n.env.Now().Add(silence)); err != nil {
			return
		}
		if _, err := l.conn.Write(frame); err != nil {
			return
		}
	}
}

// Send queues a message; false when the link is down, or so far behind that it is closed.
func (n *Node) Send(id LinkID, kind uint8, body []byte) bool {
	n.mu.Lock()
	l := n.links[id]
	n.mu.Unlock()
	if l == nil || len(body) >= maxFrameBytes {
		return false
	}
	if !l.out.TryPush(appendFrame(make([]byte, 0, len(body)+frameHeader), kind, body)) {
		_ = l.conn.Close()
		return false
	}
	return true
}
