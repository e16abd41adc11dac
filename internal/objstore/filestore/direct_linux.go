package filestore

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// setDirect has what is written to f go past the page cache, or no longer. EINVAL: the file system does not have that.
func setDirect(f *os.File, on bool) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		var flags int
		if flags, failed = unix.FcntlInt(fd, unix.F_GETFL, 0); failed != nil {
			return
		}
		flags &^= unix.O_DIRECT
		if on {
			flags |= unix.O_DIRECT
		}
		_, failed = unix.FcntlInt(fd, unix.F_SETFL, flags)
	})
	return errors.Join(err, failed)
}

// pread reads once.
func pread(f *os.File, b []byte, at int64) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for failed = unix.EINTR; failed == unix.EINTR; {
			n, failed = unix.Pread(int(fd), b, at)
		}
	})
	return n, errors.Join(err, failed)
}
