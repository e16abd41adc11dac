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

// isCached reports whether the page cache has all of n bytes from at on, or is reading them. Where nobody says it does not: before Linux 6.5, in
// containers that do not know the call, of files in an overlay. (A read that is not to wait, RWF_NOWAIT, has the kernel bring what is not there.)
func isCached(f *os.File, at int64, n int) bool {
	var is unix.Cachestat_t
	err := control(f, func(fd int) error {
		return unix.Cachestat(uint(fd), &unix.CachestatRange{Off: uint64(at), Len: uint64(n)}, &is, 0)
	})
	return err == nil && is.Cache*uint64(os.Getpagesize()) >= uint64(n)
}

// alwaysTaken is what the kernel begins to read at once in any case, if the read-ahead of a disk is not less than Linux sets it to.
const alwaysTaken = 128 << 10

// readAhead has the page cache begin to read n bytes from at on. The kernel itself reads 128 KiB ahead as a rule, and less of what is not read in
// order. Of one call it takes no more than the disk takes at once (queue/max_sectors_kb, or the read-ahead if that is more), and does not say how much
// that was: so it is looked what came.
func readAhead(f *os.File, at, n int64) {
	page := int64(os.Getpagesize())
	at, n = at/page*page, n+at%page
	for n > 0 && !isCached(f, at, int(n)) {
		if control(f, func(fd int) error { return unix.Fadvise(fd, at, n, unix.FADV_WILLNEED) }) != nil {
			return
		}
		came := n
		for came > alwaysTaken && !isCached(f, at, int(came)) {
			came = max(alwaysTaken, came/2/page*page)
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
