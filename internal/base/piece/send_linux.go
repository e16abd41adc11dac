package piece

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// kernel sends pieces of files to a connection (sendfile).
//
// The connection is not corked meanwhile (TCP_CORK), though heads of batches lie between pieces of files: that woke the client far
// more often, and took more CPU than the packets that it saved (docs/PERFORMANCE.md).
type kernel struct {
	to   syscall.RawConn
	call func(file uintptr) // sendFrom and sendSome, bound once for all pieces
	some func(to uintptr) bool

	from int   // the file of the piece that is being sent
	off  int64 // in it, of the first byte that is left
	n    int   // bytes that are left
	err  error // why the piece ended before them
}

// kernelOf is for a connection; nil if it is none of the kernel's TCP.
func kernelOf(c net.Conn) *kernel {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	k := &kernel{to: raw}
	k.call, k.some = k.sendFrom, k.sendSome
	return k
}

// send sends a piece of a file, waiting for the connection as a Write does, up to its deadline. It gives back what the kernel
// refuses to send.
func (k *kernel) send(p Piece) (refused Piece, err error) {
	file, err := p.file.SyscallConn()
	if err != nil {
		return Piece{}, err
	}
	k.off, k.n, k.err = p.off, p.n, nil
	if err := file.Control(k.call); err != nil {
		return Piece{}, err
	}
	if refusesFile(k.err) {
		return In(p.file, k.off, k.n), nil
	}
	return Piece{}, k.err
}

// refusesFile reports whether the kernel does not send files such as this one: not all file systems have it, nor do all sandboxes
// allow it.
func refusesFile(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EOPNOTSUPP) ||
		errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ESPIPE)
}

func (k *kernel) sendFrom(file uintptr) {
	k.from = int(file)
	if err := k.to.Write(k.some); err != nil {
		k.err = err
	}
}

// sendSome sends as much as the connection takes now. Not done: it takes more later.
func (k *kernel) sendSome(to uintptr) (done bool) {
	for k.n > 0 {
		n, err := syscall.Sendfile(int(to), k.from, &k.off, k.n)
		switch {
		case n > 0:
			k.n -= n
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			k.err = os.NewSyscallError("sendfile", err)
			if err == syscall.EIO {
				k.err = fmt.Errorf("%w: %w", ErrFile, k.err)
			}
			return true
		default: // the file was cut short
			k.err = fmt.Errorf("%w: %w", ErrFile, io.ErrUnexpectedEOF)
			return true
		}
	}
	return true
}
