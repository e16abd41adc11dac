package piece

import (
	"fmt"
	"net"
	"sync"
)

// WriteTo writes the list to a connection, in steps of at most so many bytes; before each it calls ready, which may set a deadline.
// What lies in files the kernel sends, where it can do that for this connection.
func (l List) WriteTo(c net.Conn, step int, ready func()) error {
	w := writer{c: c, step: step, ready: ready}
	return w.write(l)
}

// writer gathers what goes out by one system call.
type writer struct {
	c       net.Conn
	kernel  *kernel // sends files to c; nil before the first, and if it cannot
	step    int
	ready   func()
	left    int // of the step
	buffers net.Buffers
	room    net.Buffers // where buffers begins
}

func (w *writer) write(l List) error {
	w.renew()
	for i := range l {
		p := l[i]
		if p.file != nil {
			if err := w.send(p); err != nil {
				return err
			}
			continue
		}
		for len(p.bytes) > 0 {
			n := min(len(p.bytes), w.left)
			w.buffers = append(w.buffers, p.bytes[:n])
			p.bytes = p.bytes[n:]
			if err := w.took(n); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

func (w *writer) renew() {
	w.left = w.step
	w.ready()
}

// took ends a step when its bytes are used up.
func (w *writer) took(n int) error {
	if w.left -= n; w.left > 0 {
		return nil
	}
	err := w.flush()
	w.renew()
	return err
}

func (w *writer) flush() error {
	if len(w.buffers) == 0 {
		return nil
	}
	w.room = w.buffers[:0] // WriteTo eats what it is given
	_, err := w.buffers.WriteTo(w.c)
	w.buffers = w.room
	return err
}

// send sends a piece of a file. It begins a step, rather than to be cut, if the one under way has no room for it.
func (w *writer) send(p Piece) error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.kernel == nil {
		w.kernel = kernelOf(w.c)
	}
	if p.n > w.left && w.left < w.step {
		w.renew()
	}
	for p.n > 0 {
		n := min(p.n, w.left)
		if err := w.sendFile(In(p.file, p.off, n)); err != nil {
			return err
		}
		p.n, p.off = p.n-n, p.off+int64(n)
		if err := w.took(n); err != nil {
			return err
		}
	}
	return nil
}

// sendFile has the kernel send a piece of a file, and copies what it refuses.
func (w *writer) sendFile(p Piece) (err error) {
	if w.kernel != nil {
		p, err = w.kernel.send(p)
	}
	if err != nil || p.n == 0 {
		return err
	}
	return w.copy(p)
}

// copied is memory for what is copied out of files. There may be many clients that are slow to take it.
const copied = 32 << 10

var copies = sync.Pool{New: func() any { return new([copied]byte) }}

func (w *writer) copy(p Piece) error {
	b := copies.Get().(*[copied]byte)
	defer copies.Put(b)
	for p.n > 0 {
		n := min(p.n, copied)
		if err := ReadFull(p.file, b[:n], p.off); err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		if _, err := w.c.Write(b[:n]); err != nil {
			return err
		}
		p.n, p.off = p.n-n, p.off+int64(n)
	}
	return nil
}
