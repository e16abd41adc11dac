package offheap

import (
	"sync"
	"unsafe"
)

// Rooms gives memory in pieces that are used again. Addresses stay mapped for good, so that who looks at memory that was given back does
// not end the process; the memory behind them goes back to the system at once. So it is to be asked for few different sizes.
// The zero value is ready, and may be used by many at once.
type Rooms struct {
	mu   sync.Mutex
	free map[int][][]byte   // by size; no memory is behind them
	ours map[*byte]struct{} // where all begin that were ever mapped
}

// Take gives so many bytes, at least one.
func (r *Rooms) Take(bytes int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if list := r.free[bytes]; len(list) > 0 {
		r.free[bytes] = list[:len(list)-1]
		mapped.Add(int64(bytes))
		return list[len(list)-1]
	}
	room, err := mapPages(bytes)
	if err != nil {
		return make([]byte, bytes)
	}
	if r.ours == nil {
		r.free, r.ours = map[int][][]byte{}, map[*byte]struct{}{}
	}
	r.ours[unsafe.SliceData(room)] = struct{}{}
	mapped.Add(int64(bytes))
	return room
}

// Give takes back what Take gave. Nobody may look at it any more.
func (r *Rooms) Give(room []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.ours[unsafe.SliceData(room)]; !ok {
		return // of Go's heap, which sees to it
	}
	discard(room)
	mapped.Add(-int64(len(room)))
	r.free[len(room)] = append(r.free[len(room)], room)
}
