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

// Handler is told what links bring. Its methods are called from any goroutine; they must not wait, nor call the Node.
// Of one link they are called in order: up, messages, down; up may come again.
type Handler interface {
	PeerUp(link LinkID, from base.Incarnation)
	// PeerDown: the link is down; link 0: the agent could not be reached.
	PeerDown(link LinkID, from base.Incarnation)
	// PeerGone: nobody listens at the agent's address any more, or another one does.
	PeerGone(who base.Incarnation)
	// PeerMessage: body is the handler's to keep. False: it cannot take any more, and the link is closed.
	PeerMessage(link LinkID, from base.Incarnation, kind uint8, body []byte) bool
}

// Timing and bounds.
const (
	dialTimeout = 2 * time.Second
	dialTries   = 2
	dialPause   = 300 * time.Millisecond
	pingEvery   = time.Second
	// silence is how long a link may bring nothing, not even a keep-alive: a stopped process is found out by it.
	silence = 4 * time.Second
	// queueFrames and queueBytes bound what waits to be sent on a link; a follower that is that far behind reads the
	// bucket. One frame always fits.
	queueFrames = 1024
	queueBytes  = 2 * maxFrameBytes
	// greetingsAtOnce bounds the strangers that may be about to introduce themselves.
	greetingsAtOnce = 64
	// linksEach bounds the links with one agent: one each way, and one each that is not yet known to be broken.
	linksEach = 4
)

// Node is an agent's end of all its links.
type Node struct {
	env       env.Env
	cluster   string
	log       *slog.Logger
	stop      *env.Stopper
	ln        net.Listener
	greetings *env.Semaphore

	mu      sync.Mutex
	handler Handler
	self    func() base.Incarnation
	links   map[LinkID]*link
	to      map[base.Incarnation]*link
	dialing map[base.Incarnation]bool
	last    LinkID
}

// Listen opens the port for other agents. Links are accepted from Start on.
func Listen(e env.Env, addr, clusterID string, log *slog.Logger) (*Node, error) {
	ln, err := e.Listen(addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for other agents on %s: %w; choose another address with --peer, or --peer off", addr, err)
	}
	n := &Node{env: e, cluster: clusterID, log: log, stop: env.NewStopper(e), ln: ln, greetings: env.NewSemaphore(e, greetingsAtOnce),
		links: map[LinkID]*link{}, to: map[base.Incarnation]*link{}, dialing: map[base.Incarnation]bool{}}
	n.stop.OnStop(func() { _ = ln.Close() })
	n.stop.OnStop(n.Reset)
	return n, nil
}

// Addr is the address listened on.
func (n *Node) Addr() net.Addr { return n.ln.Addr() }

// Start begins to accept links. self tells this agent's incarnation: 0 while it has none, and then it has no links.
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

// Reset closes all links: the agent has a new incarnation. None that was greeted by the old one comes up after it.
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

// Open connects to an agent, unless there is a link to it: then it reports that one. An agent without an incarnation
// connects to nobody, and is told nothing.
func (n *Node) Open(to base.Incarnation, addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch l := n.to[to]; {
	case l != nil:
		n.handler.PeerUp(l.id, to) // under the lock, or it could be told after the link's end
	case !n.dialing[to]:
		n.dialing[to] = n.stop.Go("peer dial", func() { n.dial(to, addr) })
	}
}

// Send queues a message of at most MaxBodyBytes; body must not be changed any more. False when the link is down, or so
// far behind that it is closed.
func (n *Node) Send(id LinkID, kind uint8, body []byte) bool {
	n.mu.Lock()
	l := n.links[id]
	n.mu.Unlock()
	if l == nil || len(body) > MaxBodyBytes {
		return false
	}
	if !l.push(frame{kind, body}) {
		_ = l.conn.Close()
		return false
	}
	return true
}
