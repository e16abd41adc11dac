package piece

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// corked holds back what is written to a TCP connection until a packet is full, while f runs: the heads of batches lie between
// pieces of files, and would each go out in a packet of its own.
func corked(c net.Conn, f func() error) error {
	raw := rawOf(c)
	if raw == nil {
		return f()
	}
	cork(raw, 1)
	defer cork(raw, 0)
	return f()
}

// cork is asked for at best: without it there are more packets.
func cork(raw syscall.RawConn, on int) {
	_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, on) })
}

// rawOf gives what sendfile needs of a connection; nil if it is none of the kernel's TCP.
func rawOf(c net.Conn) syscall.RawConn {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// sendFile has the kernel send bytes of a file, waiting for the connection as a Write does, up to its deadline.
func sendFile(c net.Conn, p Piece) error {
	out := rawOf(c)
	if out == nil {
		return copyFile(c, p)
	}
	in, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	left := sending{off: p.off, n: p.n}
	var waited error
	err = in.Control(func(from uintptr) { waited = out.Write(func(to uintptr) bool { return left.some(int(to), int(from)) }) })
	if err == nil {
		err = waited
	}
	if err == nil {
		err = left.err
	}
	if refusesFile(err) {
		return copyFile(c, In(p.file, left.off, left.n))
	}
	return err
}

// refusesFile reports whether the kernel does not send files such as this one: not all file systems have it, nor do all sandboxes
// allow it.
func refusesFile(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EOPNOTSUPP) ||
		errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ESPIPE)
}

// sending is what is left of a piece.
type sending struct {
	off int64
	n   int
	err error
}

// some sends as much as the connection takes now. Not done: it takes more later.
func (s *sending) some(to, from int) (done bool) {
	for s.n > 0 {
		n, err := syscall.Sendfile(to, from, &s.off, s.n)
		switch {
		case n > 0:
			s.n -= n
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			s.err = os.NewSyscallError("sendfile", err)
			if err == syscall.EIO {
				s.err = fmt.Errorf("%w: %w", ErrFile, s.err)
			}
			return true
		default: // the file was cut short
			s.err = fmt.Errorf("%w: %w", ErrFile, io.ErrUnexpectedEOF)
			return true
		}
	}
	return true
}
