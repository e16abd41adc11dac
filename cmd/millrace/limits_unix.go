//go:build unix

package main

import "syscall"

// descriptors is how many files and connections this process may have open: the hard limit (ulimit -Hn), to which Go raises the soft one
// as a program starts. 0: nobody knows.
func descriptors() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur)
}
