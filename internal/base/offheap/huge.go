package offheap

import (
	"sync/atomic"
	"unsafe"
)

// HugePage is what a huge page has on most machines, and what memory of Huge begins at a multiple of.
const HugePage = 2 << 20

// mapped is what is in use of all that was mapped, in bytes.
var mapped atomic.Int64

// Mapped is how many bytes are in use that came from here.
func Mapped() int64 { return mapped.Load() }

// Huge gives so many bytes, a multiple of HugePage, in huge pages where the system has them, and what gives them back, which is to be called once
// at most. nil: there are none.
func Huge(bytes int) (b []byte, unmap func()) {
	all, err := mapPages(bytes + HugePage)
	if err != nil {
		return nil, nil
	}
	over := int(uintptr(unsafe.Pointer(unsafe.SliceData(all))) % HugePage)
	b = all[(HugePage-over)%HugePage:][:bytes:bytes]
	preferHuge(b) // before any of it is touched
	mapped.Add(int64(bytes))
	return b, func() {
		mapped.Add(-int64(bytes))
		unmapPages(all)
	}
}
