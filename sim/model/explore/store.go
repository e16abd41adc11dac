package explore

// fingerprints is a set of fingerprints: a table with open addressing, at most three quarters full.
type fingerprints struct {
	table []uint64 // 0: free
	n     int
}

// add puts f into the set; false: it was there.
func (t *fingerprints) add(f uint64) bool {
	if f == 0 {
		f = 1 // 0 stands for a free place
	}
	if t.n >= len(t.table)/4*3 {
		t.grow()
	}
	i := t.place(f)
	if t.table[i] == f {
		return false
	}
	t.table[i] = f
	t.n++
	return true
}

// place finds where f is, or would be.
func (t *fingerprints) place(f uint64) uint64 {
	mask := uint64(len(t.table) - 1)
	i := f & mask
	for t.table[i] != 0 && t.table[i] != f {
		i = (i + 1) & mask
	}
	return i
}

func (t *fingerprints) grow() {
	old := t.table
	t.table = make([]uint64, max(1<<12, 2*len(old)))
	for _, f := range old {
		if f != 0 {
			t.table[t.place(f)] = f
		}
	}
}

// chunk is how many states are allocated at once.
const chunk = 4096

// queue is first in, first out. It holds millions of states, so it grows and shrinks by chunks instead of copying.
type queue[S any] struct {
	chunks [][]S
	popped int // of the first chunk
}

func (q *queue[S]) push(s S) {
	last := len(q.chunks) - 1
	if last < 0 || len(q.chunks[last]) == chunk {
		q.chunks = append(q.chunks, make([]S, 0, chunk))
		last++
	}
	q.chunks[last] = append(q.chunks[last], s)
}

// pop takes the oldest; there must be one.
func (q *queue[S]) pop() S {
	s := q.chunks[0][q.popped]
	if q.popped++; q.popped == chunk {
		q.chunks, q.popped = q.chunks[1:], 0
	}
	return s
}

func (q *queue[S]) len() int {
	n := -q.popped
	for _, c := range q.chunks {
		n += len(c)
	}
	return n
}
