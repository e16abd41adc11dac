package fsck

import "testing"

// Whatever lies under a snapshot's key, reading it ends, and does not panic.
func FuzzDecodeManifest(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = decodeManifest(b) })
}
