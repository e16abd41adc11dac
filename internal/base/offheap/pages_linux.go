package offheap

import "golang.org/x/sys/unix"

func mapPages(bytes int) ([]byte, error) {
	return unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// unmapPages and discard fail only for what is not mapped.
func unmapPages(all []byte) { _ = unix.Munmap(all) }

// discard gives the memory back, and leaves zeros that take none until they are written.
func discard(room []byte) { _ = unix.Madvise(room, unix.MADV_DONTNEED) }

// neverHuge: huge pages would reach into rooms beside this one, and stay when it is given back.
func neverHuge(room []byte) { _ = unix.Madvise(room, unix.MADV_NOHUGEPAGE) }

// preferHuge: a system that has no huge pages works with others.
func preferHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
