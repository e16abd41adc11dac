package filestore

import "golang.org/x/sys/unix"

// hasDirect: there is a way past the page cache, if the file system has it.
const hasDirect = true

// mapMemory gives n bytes from the system, or of Go's heap if it has none, and what gives them back.
func mapMemory(n int) (b []byte, unmap func()) {
	all, err := unix.Mmap(-1, 0, n+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		b, _ = ownMemory(n)
		return b, func() {}
	}
	b = alignedTo(hugePage, all)[:n:n]
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)   // before any of it is touched; a system that has none works with others
	return b, func() { _ = unix.Munmap(all) } // fails only for what is not mapped
}
