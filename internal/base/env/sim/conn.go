package sim

import (
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// bufferMax bounds the bytes under way and unread in one direction of a connection: more lets the writer wait.
const bufferMax = 64 << 10

// conn is one end of a connection. It holds what comes towards it; its peer holds the other direction.
type conn struct {
	w             *World
	p             *Proc
	peer          *conn
	local, remote *net.TCPAddr

	flight   []packet // sent by the peer, not yet here, in order
	arrival  timer    // when the first of flight comes; not set while the network is cut
	giveUp   timer    // set while the network is cut and something is in flight
	lastSent int64    // when the last of flight is due: none overtakes another
	arrived  []byte   // to be read
	used     int      // bytes in flight and arrived

	eof    bool // the peer has closed, and all it sent has arrived
	broken bool // the connection was reset
	closed bool // by this side

	readers, writers waitList
	readBy, writeBy  limit
}

type packet struct {
	at   int64
	data []byte
	end  ending
}

type ending uint8

const (
	goesOn ending = iota
	fin           // the sender has closed
	reset         // the sender is gone
)

// limit is a deadline in virtual time.
type limit struct{ at int64 }

func (l *limit) postpone(d time.Duration) {
	if l.at != never {
		l.at += int64(d)
	}
}

func newConn(p *Proc, local, remote *net.TCPAddr) *conn {
	c := &conn{w: p.w, p: p, local: local, remote: remote, readBy: limit{never}, writeBy: limit{never}}
	c.arrival.fire, c.giveUp.fire = c.deliver, c.expire
	p.conns = append(p.conns, c)
	return c
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) Read(b []byte) (int, error) {
	for {
		t := c.w.running()
		switch {
		case c.closed:
			return 0, opError("read", c.remote, net.ErrClosed)
		case c.readBy.at <= c.w.now:
			return 0, opError("read", c.remote, os.ErrDeadlineExceeded)
		case c.broken:
			return 0, opError("read", c.remote, syscall.ECONNRESET)
		case len(b) == 0:
			return 0, nil
		case len(c.arrived) > 0:
			return c.take(b), nil
		case c.eof:
			return 0, io.EOF
		}
		c.w.wait(t, &c.readers, c.readBy.at, "reads from "+c.remote.String())
	}
}

// take reads what has arrived; now and then less than there is, as a real connection would.
func (c *conn) take(b []byte) int {
	n := min(len(b), len(c.arrived))
	if n > 1 && c.w.rng.Uint64N(8) == 0 {
		n = 1 + int(c.w.rng.Uint64N(uint64(n)))
	}
	copy(b, c.arrived[:n])
	c.arrived = c.arrived[n:]
	c.used -= n
	c.w.wakeAll(&c.peer.writers)
	return n
}

func (c *conn) Write(b []byte) (int, error) {
	for sent := 0; ; {
		t := c.w.running()
		room := bufferMax - c.peer.used
		switch {
		case c.closed:
			return sent, opError("write", c.remote, net.ErrClosed)
		case c.writeBy.at <= c.w.now:
			return sent, opError("write", c.remote, os.ErrDeadlineExceeded)
		case c.broken:
			return sent, opError("write", c.remote, syscall.ECONNRESET)
		case c.eof: // sockets are only ever closed both ways: nobody reads
			return sent, opError("write", c.remote, syscall.EPIPE)
		case sent == len(b):
			return sent, nil
		case room > 0:
			n := min(room, len(b)-sent)
			c.send(packet{data: slices.Clone(b[sent : sent+n])})
			sent += n
		default:
			c.w.wait(t, &c.writers, c.writeBy.at, "writes to "+c.remote.String())
		}
	}
}

// Close sends what was written, then an end.
func (c *conn) Close() error {
	if c.closed {
		return opError("close", c.remote, net.ErrClosed)
	}
	c.shut()
	if !c.broken {
		c.send(packet{end: fin})
	}
	return nil
}

// abort is what becomes of a connection whose process is killed: the kernel closes it, or resets it if something was
// unread; what was sent may or may not arrive.
func (c *conn) abort() {
	if c.closed {
		return
	}
	c.shut()
	switch {
	case c.broken:
	case len(c.arrived) > 0 || c.w.rng.Uint64N(2) == 0:
		c.peer.dropFlight()
		c.send(packet{end: reset})
	default:
		c.send(packet{end: fin})
	}
}

func (c *conn) shut() {
	c.closed = true
	if i := slices.Index(c.p.conns, c); i >= 0 {
		c.p.conns = slices.Delete(c.p.conns, i, i+1)
	}
	c.wakeUp()
}

func (c *conn) wakeUp() {
	c.w.wakeAll(&c.readers)
	c.w.wakeAll(&c.writers)
}

// send puts a packet on the way to the peer.
func (c *conn) send(p packet) {
	to := c.peer
	p.at = max(to.lastSent, c.w.now+c.w.latency())
	to.lastSent = p.at
	to.used += len(p.data)
	to.flight = append(to.flight, p)
	if to.arrival.index == 0 && to.giveUp.index == 0 {
		c.w.setTimer(&to.arrival, to.flight[0].at)
	}
}

// deliver takes in what is due. It runs as a timer.
func (c *conn) deliver() {
	if len(c.flight) > 0 && c.w.isCut(c.p.host, c.peer.p.host) {
		if c.giveUp.index == 0 && !c.peer.broken {
			c.w.setTimer(&c.giveUp, c.w.now+int64(c.w.Between(giveUpMin, giveUpMax)))
		}
		return
	}
	c.w.stopTimer(&c.giveUp)
	for len(c.flight) > 0 && c.flight[0].at <= c.w.now {
		p := c.flight[0]
		c.flight = c.flight[1:]
		c.accept(p)
	}
	if len(c.flight) > 0 {
		c.w.setTimer(&c.arrival, c.flight[0].at)
	}
}

func (c *conn) accept(p packet) {
	switch p.end {
	case fin:
		c.eof = true
		c.wakeUp()
	case reset:
		c.broken = true
		c.wakeUp()
	case goesOn:
		if c.closed { // the machine answers data for a closed socket by a reset
			c.used -= len(p.data)
			return
		}
		c.arrived = append(c.arrived, p.data...)
		c.w.wakeAll(&c.readers)
	}
}

// expire runs when the network was cut for too long: the sender's side breaks, and this one learns of it when the
// network heals.
func (c *conn) expire() {
	c.peer.broken = true
	c.peer.wakeUp()
	c.dropFlight()
	c.peer.send(packet{end: reset})
}

func (c *conn) dropFlight() {
	for _, p := range c.flight {
		c.used -= len(p.data)
	}
	c.flight, c.lastSent = nil, 0
	c.w.stopTimer(&c.arrival)
}

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.setLimit(&c.readBy, &c.readers, t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setLimit(&c.writeBy, &c.writers, t) }

func (c *conn) setLimit(l *limit, waiting *waitList, t time.Time) error {
	if c.closed {
		return opError("set", c.remote, net.ErrClosed)
	}
	l.at = c.p.clock.moment(c.w.now, t)
	c.w.wakeAll(waiting)
	return nil
}
