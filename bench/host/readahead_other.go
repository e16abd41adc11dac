//go:build !linux

package host

// ReadAheadKiB is known for Linux only.
func ReadAheadKiB(string) (kib int, ok bool) { return 0, false }
