package sim

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

const (
	latencyMin = 50 * time.Microsecond // one way, within a region
	latencyMax = 500 * time.Microsecond
	// A side whose bytes are not acknowledged gives up after some 10 to 30 s, as TCP_USER_TIMEOUT would have it.
	giveUpMin = 10 * time.Second
	giveUpMax = 30 * time.Second
	// dialTimeout is for Dial without a time-out: the operating system's, roughly.
	dialTimeout = 2 * time.Minute
	// synInterval is how often a Dial into a cut network tries again.
	synInterval   = time.Second
	backlogMax    = 128 // connections not yet accepted; more are refused
	firstFreePort = 40_000
)

// network knows the machines and which of them do not reach each other.
type network struct {
	hosts map[string]*host // by name and by IP; looked up only, never ranged over
	count int
	cuts  map[[2]*host]bool // both directions
}

// host is a machine: it outlives the process of its name.
type host struct {
	name      string
	ip        net.IP
	nextPort  int
	listeners map[int]*listener
}

func (n *network) init() {
	n.hosts = map[string]*host{}
	n.cuts = map[[2]*host]bool{}
}

func (n *network) host(name string) *host {
	if h := n.hosts[name]; h != nil {
		return h
	}
	n.count++
	h := &host{name: name, nextPort: firstFreePort, listeners: map[int]*listener{}}
	h.ip = net.IPv4(10, byte(n.count>>16), byte(n.count>>8), byte(n.count))
	n.hosts[name], n.hosts[h.ip.String()] = h, h
	return h
}

// Cut parts two processes' machines: what they send each other is held back, and connections with something under way
// break after a while. A process that follows a killed one under the same name is on the same machine.
func (w *World) Cut(a, b *Proc) {
	w.Logf("cut %s from %s", a.name, b.name)
	w.net.cuts[[2]*host{a.host, b.host}] = true
	w.net.cuts[[2]*host{b.host, a.host}] = true
}

// Heal undoes Cut. What was held back, and whose sender has not given up, arrives.
func (w *World) Heal(a, b *Proc) {
	w.Logf("heal %s to %s", a.name, b.name)
	delete(w.net.cuts, [2]*host{a.host, b.host})
	delete(w.net.cuts, [2]*host{b.host, a.host})
	for _, p := range w.procs {
		for _, c := range p.conns {
			if len(c.flight) > 0 && c.arrival.index == 0 {
				w.setTimer(&c.arrival, w.now+w.latency())
			}
		}
	}
}

func (w *World) isCut(a, b *host) bool { return w.net.cuts[[2]*host{a, b}] }

func (w *World) latency() int64 { return int64(w.Between(latencyMin, latencyMax)) }

// resolve splits addr; a local or empty host means p's own.
func (p *Proc) resolve(addr string) (*host, int, error) {
	name, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, 0, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, 0, &net.AddrError{Err: "invalid port", Addr: addr}
	}
	switch name {
	case "", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1":
		return p.host, int(port), nil
	}
	if h := p.w.net.hosts[name]; h != nil {
		return h, int(port), nil
	}
	return nil, 0, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func opError(op string, addr net.Addr, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: addr, Err: err}
}

// Listen listens on the process's machine; port 0 chooses a free one. The host of addr must be the process's own name,
// or empty or local.
func (p *Proc) Listen(addr string) (net.Listener, error) {
	h, port, err := p.resolve(addr)
	if err != nil {
		return nil, opError("listen", nil, err)
	}
	if port == 0 {
		port = h.freePort()
	}
	at := &net.TCPAddr{IP: h.ip, Port: port}
	if h != p.host {
		return nil, opError("listen", at, syscall.EADDRNOTAVAIL)
	}
	if p.dead {
		return nil, opError("listen", at, net.ErrClosed)
	}
	if h.listeners[port] != nil {
		return nil, opError("listen", at, syscall.EADDRINUSE)
	}
	l := &listener{p: p, addr: at}
	h.listeners[port] = l
	p.listeners = append(p.listeners, l)
	return l, nil
}

func (h *host) freePort() int {
	for h.listeners[h.nextPort] != nil {
		h.nextPort++
	}
	h.nextPort++
	return h.nextPort - 1
}

type listener struct {
	p         *Proc
	addr      *net.TCPAddr
	backlog   []*conn
	acceptors waitList
	closed    bool
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	w := l.p.w
	for {
		t := w.running()
		if l.closed {
			return nil, opError("accept", l.addr, net.ErrClosed)
		}
		if len(l.backlog) > 0 {
			c := l.backlog[0]
			l.backlog = l.backlog[1:]
			return c, nil
		}
		w.wait(t, &l.acceptors, never, "accepts")
	}
}

func (l *listener) Close() error {
	if l.closed {
		return opError("close", l.addr, net.ErrClosed)
	}
	l.closed = true
	delete(l.p.host.listeners, l.addr.Port)
	for _, c := range l.backlog {
		c.abort()
	}
	l.backlog = nil
	l.p.w.wakeAll(&l.acceptors)
	return nil
}

// Dial connects to "host:port", where host is a process's name or IP.
func (p *Proc) Dial(addr string, timeout time.Duration) (net.Conn, error) {
	w := p.w
	t := w.running()
	h, port, err := p.resolve(addr)
	if err != nil {
		return nil, opError("dial", nil, err)
	}
	if timeout <= 0 {
		timeout = dialTimeout
	}
	to := &net.TCPAddr{IP: h.ip, Port: port}
	giveUp := w.now + int64(timeout)
	next := w.now + w.latency() + w.latency()
	for {
		w.wait(t, nil, min(next, giveUp), "dials "+addr)
		if t.killed {
			t.unwind()
		}
		if p.dead {
			return nil, opError("dial", to, net.ErrClosed)
		}
		if w.now >= giveUp {
			return nil, opError("dial", to, os.ErrDeadlineExceeded)
		}
		if !w.isCut(p.host, h) {
			break
		}
		next = w.now + int64(synInterval)
	}
	l := h.listeners[port]
	if l == nil || len(l.backlog) >= backlogMax {
		return nil, opError("dial", to, syscall.ECONNREFUSED)
	}
	return p.connect(l), nil
}

func (p *Proc) connect(l *listener) *conn {
	from := &net.TCPAddr{IP: p.host.ip, Port: p.host.freePort()}
	here := newConn(p, from, l.addr)
	there := newConn(l.p, l.addr, from)
	here.peer, there.peer = there, here
	l.backlog = append(l.backlog, there)
	p.w.wakeAll(&l.acceptors)
	return here
}

// breakConnections is what the others see of a kill.
func (p *Proc) breakConnections() {
	for _, l := range p.listeners {
		if !l.closed {
			_ = l.Close() // fails only when closed
		}
	}
	for len(p.conns) > 0 {
		p.conns[0].abort()
	}
}
