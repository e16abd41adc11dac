package peer

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
)

// dial makes a link to an agent and works it until it breaks.
func (n *Node) dial(to base.Incarnation, addr string) {
	self := n.self()
	l, err := n.connect(to, addr)
	if err == nil {
		n.serve(l)
		return
	}
	n.mu.Lock()
	delete(n.dialing, to)
	n.mu.Unlock()
	if self == 0 || n.self() != self || n.stop.Stopped() {
		return // it was for want of an identity of our own: that says nothing of the other
	}
	n.log.Info("no link to another agent", "agent", to, "address", addr, "error", err)
	if env.Refused(err) || errors.Is(err, errAnother) {
		n.handler.PeerGone(to)
		return
	}
	n.handler.PeerDown(0, to)
}

var errAnother = errors.New("another agent answers there")

func (n *Node) connect(to base.Incarnation, addr string) (*link, error) {
	var err error
	for try := range dialTries {
		if try > 0 && !n.stop.Sleep(dialPause) {
			break
		}
		var conn net.Conn
		if conn, err = n.env.Dial(addr, dialTimeout); err != nil {
			continue
		}
		var l *link
		if l, err = n.greet(conn); err != nil {
			continue
		}
		if l.dialed = true; l.from == to {
			return l, nil
		}
		err = fmt.Errorf("%w: agent %d", errAnother, l.from)
		_ = conn.Close()
	}
	return nil, err
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
		if !n.greetings.TryAcquire(1) || !n.stop.Go("peer link", func() { n.welcome(conn) }) {
			_ = conn.Close()
		}
	}
}

func (n *Node) welcome(conn net.Conn) {
	l, err := n.greet(conn)
	n.greetings.Release(1)
	if err != nil {
		n.log.Debug("a link was refused", "remote", conn.RemoteAddr(), "error", err)
		return
	}
	n.serve(l)
}

// greet exchanges hellos. It closes conn when they do not match.
func (n *Node) greet(conn net.Conn) (*link, error) {
	self := n.self()
	err := conn.SetDeadline(n.env.Now().Add(dialTimeout))
	if err == nil {
		_, err = conn.Write(hello{n.cluster, self}.frame())
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
	return n.newLink(self, h.from, conn), nil
}
