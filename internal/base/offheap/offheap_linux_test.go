package offheap

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// resident is how much memory this process has, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func fill(b []byte) {
	for i := range b {
		b[i] = 1
	}
}

// What is given back is the system's again, and its place is that of the next one of that size.
func TestRoomsAreUsedAgain(t *testing.T) {
	const size = 64 << 20
	var r Rooms
	before, inUse := resident(t), Mapped()
	room := r.Take(size)
	fill(room)
	if grown := resident(t) - before; grown < size/2 || Mapped()-inUse != size {
		t.Errorf("%d bytes more in memory, %d counted", grown, Mapped()-inUse)
	}
	r.Give(room)
	if grown := resident(t) - before; grown > size/2 || Mapped() != inUse {
		t.Errorf("%d bytes more in memory after all was given back, %d counted", grown, Mapped()-inUse)
	}
	if room[size-1] != 0 {
		t.Error("who looks once more sees what was there")
	}
	if again := r.Take(size); &again[0] != &room[0] || len(again) != size {
		t.Error("the place is not used again")
	}
	if other := r.Take(size / 2); &other[0] == &room[0] {
		t.Error("the place is used twice")
	}
}

// Memory of Go's heap, which is given where there is no other, is left to the collector.
func TestRoomsLeaveOthersAlone(t *testing.T) {
	var r Rooms
	r.Take(4096)
	inUse := Mapped()
	heap := make([]byte, 1<<20)
	fill(heap)
	r.Give(heap)
	if heap[1<<19] != 1 || Mapped() != inUse || len(r.free[1<<20]) != 0 {
		t.Error("memory of somebody else was taken")
	}
}

// A room goes back once, and whole.
func TestRoomsGoBackOnce(t *testing.T) {
	for name, give := range map[string]func(r *Rooms, room []byte){
		"twice":   func(r *Rooms, room []byte) { r.Give(room); r.Give(room) },
		"in part": func(r *Rooms, room []byte) { r.Give(room[:4096]) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nothing is said of it")
				}
			}()
			var r Rooms
			give(&r, r.Take(8192))
		})
	}
}

func TestHuge(t *testing.T) {
	inUse := Mapped()
	b, unmap := Huge(2 * HugePage)
	if b == nil {
		t.Fatal("no memory")
	}
	if len(b) != 2*HugePage || uintptr(unsafe.Pointer(&b[0]))%HugePage != 0 || Mapped()-inUse != 2*HugePage {
		t.Errorf("%d bytes at %p, %d counted", len(b), &b[0], Mapped()-inUse)
	}
	fill(b)
	if unmap(); Mapped() != inUse {
		t.Errorf("%d bytes are counted in the end", Mapped()-inUse)
	}
}
