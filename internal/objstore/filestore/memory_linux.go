package filestore

import "golang.org/x/sys/unix"

// mapMemory gives n bytes from the system, or of Go's heap if it has none, and what gives them back.
func mapMemory(n int) (b []byte, unmap func()) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return make([]byte, n), func() {}
	}
	return b, func() { _ = unix.Munmap(b) } // fails only for what is not mapped
}

// adviseHuge asks for huge pages, before any of b is touched. A system that has none works with others.
func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
