package filestore

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// setDirect has what is written to f and read of it go past the page cache, or no longer. It fails with errors.ErrUnsupported or EINVAL where the
// file system does not have that, or only for larger blocks.
func setDirect(f *os.File, on bool) error {
	return control(f, func(fd int) error {
		if on && !isAbleDirect(fd) {
			return errors.ErrUnsupported
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil {
			return err
		}
		flags &^= unix.O_DIRECT
		if on {
			flags |= unix.O_DIRECT
		}
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
		return err
	})
}

// isAbleDirect reports whether the system does not say otherwise: some file systems take O_DIRECT and go through the page cache all the same
// (ext4 with data=journal). Before Linux 6.1 it says nothing.
func isAbleDirect(fd int) bool {
	var x unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &x); err != nil || x.Mask&unix.STATX_DIOALIGN == 0 {
		return true
	}
	return x.Dio_offset_align > 0 && directAlign%x.Dio_offset_align == 0 && directAlign%max(x.Dio_mem_align, 1) == 0
}

// pread reads once.
func pread(f *os.File, b []byte, at int64) (n int, err error) {
	err = control(f, func(fd int) error {
		n, err = unix.Pread(fd, b, at)
		return err
	})
	return n, err
}

// isCached reports whether the page cache has all of n bytes from at on.
func isCached(f *os.File, at int64, n int) bool { return cachedBytes(f, at, int64(n)) >= int64(n) }

// cachedBytes is how many of n bytes from at on lie in pages that the page cache has, or is reading; with all of these pages. Before Linux 6.5 nobody
// says: 0. (A read that is not to wait, RWF_NOWAIT, has the kernel bring what is not there.)
func cachedBytes(f *os.File, at, n int64) int64 {
	var is unix.Cachestat_t
	if control(f, func(fd int) error {
		return unix.Cachestat(uint(fd), &unix.CachestatRange{Off: uint64(at), Len: uint64(n)}, &is, 0)
	}) != nil {
		return 0
	}
	return int64(is.Cache) * int64(os.Getpagesize())
}

// readAhead has the page cache begin to read n bytes from at on. The kernel itself reads 128 KiB ahead as a rule, and less of what is not read in
// order: each request to the disk of a virtual machine takes as much CPU as some 200 KiB of what it brings. Of one call it takes no more than the disk
// takes at once (queue/max_sectors_kb), and does not say how much that was: so what came is counted. Before Linux 6.5 that is all that comes.
func readAhead(f *os.File, at, n int64) {
	for n > 0 && control(f, func(fd int) error { return unix.Fadvise(fd, at, n, unix.FADV_WILLNEED) }) == nil {
		came := min(n, cachedBytes(f, at, n))
		if came == 0 {
			return
		}
		at, n = at+came, n-came
	}
}

// control calls do with f's descriptor, again if it was interrupted.
func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for failed = unix.EINTR; failed == unix.EINTR; {
			failed = do(int(fd))
		}
	})
	if err == nil && failed != nil {
		err = &os.PathError{Op: "direct", Path: f.Name(), Err: failed}
	}
	return err
}
