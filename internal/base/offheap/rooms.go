package offheap

import (
	"sync"
	"unsafe"
)

// Rooms gives memory in pieces that are used again. Addresses stay mapped for good, so that who looks at memory that was given back does
// not end the process; the memory behind them goes back to the system at once. So sizes are to be few: each has as many addresses as were ever in use of it at a time.
// The zero value is ready, and may be used by many at once.
type Rooms struct {
	mu   sync.Mutex
	free map[int][][]byte // by size; no memory is behind them
	ours map[*byte]int    // the size of all that were ever mapped, below zero while they are free or about to be
}

// Take gives so many bytes, at least one.
func (r *Rooms) Take(bytes int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if list := r.free[bytes]; len(list) > 0 {
		room := list[len(list)-1]
		r.free[bytes] = list[:len(list)-1]
		r.ours[unsafe.SliceData(room)] = bytes
		mapped.Add(int64(bytes))
		return room
	}
	room, err := mapPages(bytes)
	if err != nil {
		return make([]byte, bytes)
	}
	neverHuge(room)
	if r.ours == nil {
		r.free, r.ours = map[int][][]byte{}, map[*byte]int{}
	}
	r.ours[unsafe.SliceData(room)] = bytes
	mapped.Add(int64(bytes))
	return room
}

// Give takes back what Take gave. Nobody may look at it any more.
func (r *Rooms) Give(room []byte) {
	if !r.leaves(room) {
		return
	}
	discard(room) // which may take a while
	mapped.Add(-int64(len(room)))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free[len(room)] = append(r.free[len(room)], room)
}

// leaves notes that a room is not in use any more. false: it is of Go's heap, which sees to it.
func (r *Rooms) leaves(room []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	size, ours := r.ours[unsafe.SliceData(room)]
	if ours && size != len(room) {
		panic("offheap: a room is given back twice, or not as it was taken")
	}
	if ours {
		r.ours[unsafe.SliceData(room)] = -size
	}
	return ours
}
