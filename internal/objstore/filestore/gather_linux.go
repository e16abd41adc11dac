package filestore

import (
	"errors"
	"io"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeParts writes parts, which it may change, one after another by one system call, mostly.
func writeParts(f *os.File, parts [][]byte) error {
	if len(parts) == 0 {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for len(parts) > 0 && failed == nil {
			n, err := unix.Writev(int(fd), parts)
			switch {
			case n > 0:
				parts = cut(parts, n)
			case err == nil:
				failed = io.ErrShortWrite
			case !errors.Is(err, syscall.EINTR):
				failed = &os.PathError{Op: "write", Path: f.Name(), Err: err}
			}
		}
		return true
	})
	return errors.Join(err, failed)
}

// cut takes the first n bytes off parts, which it may change.
func cut(parts [][]byte, n int) [][]byte {
	i := slices.IndexFunc(parts, func(part []byte) bool {
		if n >= len(part) {
			n -= len(part)
			return false
		}
		return true
	})
	if i < 0 {
		return nil
	}
	parts[i] = parts[i][n:]
	return parts[i:]
}
