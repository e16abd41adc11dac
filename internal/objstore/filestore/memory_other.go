//go:build !linux

package filestore

const hasDirect = false

// mapMemory is known for Linux only, as is what it is for.
func mapMemory(n int) (b []byte, unmap func()) {
	b, _ = ownMemory(n)
	return b, func() {}
}
